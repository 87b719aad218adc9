"""Lay out a group of pictures in a GPU's memory, as `kernels/common.cuh` reads it."""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.torch.jpeg2000.geometry import MOST_LEVELS, code_blocks, halved, n_levels, n_room
from imagenetq.torch.jpeg2000.tables import targets

N_LAYERS = len(targets())

MOST_PLANES = 11
"""Most bit planes of a coefficient: the wavelet's gain allows no more, and the kernels check."""

_MOST_PASSES = 3 * MOST_PLANES - 2

_SYMBOL_ROOM = MOST_PLANES + 3
"""Room for decisions of a coefficient: its planes, a sign, and two more for a run."""

_BYTE_ROOM = 4
"""Room for coded bytes of a coefficient, as OpenJPEG assumes; the kernels check it."""

_TILE_WIDTH, _TILE_HEIGHT = 64, 32
_ALIGNED = 256
_CUT_ROOM = 64
"""Room for misread cuts beyond one for each code block; the kernels check it."""

IMAGE = np.dtype(
    [
        ("rgb", np.uint64),
        ("pixel", np.int64),
        ("quarter", np.int64),
        ("width", np.int32),
        ("height", np.int32),
        ("levels", np.int32),
        ("first_block", np.int32),
        ("n_blocks", np.int32),
        ("unused", np.int32),
    ]
)

_POINTERS = (
    *("images", "blocks", "tiles", "contexts", "mq", "weights", "ratios", "coefficients"),
    *("halfway", "symbols", "ends", "units", "early", "planes", "lengths", "sorted", "order"),
    *("bytes", "checkpoints", "rates", "gains", "passes", "taken", "parts", "slots", "cuts"),
    *("copies", "status", "decoded", "even_low", "odd_low", "out"),
)
_NUMBERS = ("n_images", "n_blocks", "n_wanted", "cut_room", "spread")


class Group(ctypes.Structure):
    """The structure that every kernel is given."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS),
        ("place", ctypes.c_int * N_LAYERS),
        *((name, ctypes.c_int) for name in _NUMBERS),
    )


DEFINITIONS = {
    "LAYERS": N_LAYERS,
    "MOST_PLANES": MOST_PLANES,
    "SYMBOL_ROOM": _SYMBOL_ROOM,
    "BYTE_ROOM": _BYTE_ROOM,
    "TILE_WIDTH": _TILE_WIDTH,
    "TILE_HEIGHT": _TILE_HEIGHT,
    "GROUP_BYTES": ctypes.sizeof(Group),
}
"""Values of the names that the kernels' sources leave open."""


@dataclass(frozen=True)
class Tables:
    """The tables that describe a group's pictures to the kernels."""

    images: NDArray[np.void]
    """The pictures as `IMAGE`; `rgb`, the address of the samples, is 0 until it is set."""

    blocks: NDArray[np.void]
    """The code blocks of all pictures in turn, as `BLOCK`."""

    tiles: NDArray[np.int32]
    """int32 of shape (levels, pictures + 1): at each wavelet level the first tile of each picture,
    and then the number of all tiles."""

    n_samples: int
    """Number of coefficients, with each code block rounded up."""

    n_quarters: int
    """Number of samples of one component of all pictures, halved both ways."""

    @classmethod
    def of(cls, sizes: Sequence[tuple[int, int]]) -> "Tables":
        """Make the tables of pictures, given each one's width and height."""
        images = np.zeros(len(sizes), IMAGE)
        blocks = []
        pixel = quarter = first_block = start = 0
        for number, (width, height) in enumerate(sizes):
            mine = code_blocks(width, height).copy()
            last = mine[-1]
            n_mine = int(last["start"]) + n_room(int(last["width"]), int(last["height"]))
            levels = n_levels(width, height)
            images[number] = (0, pixel, quarter, width, height, levels, first_block, len(mine), 0)
            mine["image"] = number
            mine["start"] += start
            blocks.append(mine)
            pixel += width * height
            quarter += halved(width, 1) * halved(height, 1)
            first_block += len(mine)
            start += n_mine
        return cls(images, np.concatenate(blocks), _tiles(images), start, quarter)

    @property
    def n_pixels(self) -> int:
        """Number of pixels of all pictures."""
        return int((self.images["width"].astype(np.int64) * self.images["height"]).sum())

    @property
    def n_levels(self) -> int:
        """Number of wavelet levels of the picture with the most."""
        return int(self.images["levels"].max())

    @property
    def cut_room(self) -> int:
        """Number of misread cuts that there is room for."""
        return len(self.blocks) + _CUT_ROOM

    def buffers(self, n_wanted: int) -> dict[str, int]:
        """Compute the bytes of each array on the device but these tables and the constants."""
        n_blocks, n_coefficients = len(self.blocks), 3 * self.n_pixels
        by_block = dict.fromkeys(("planes", "lengths", "sorted", "passes"), 4)
        by_pass = {"ends": 4, "units": 4, "rates": 4, "gains": 8, "checkpoints": 32}
        return {
            **{name: size * n_blocks for name, size in by_block.items()},
            **{name: size * n_blocks * _MOST_PASSES for name, size in by_pass.items()},
            **dict.fromkeys(("taken", "slots"), 4 * n_blocks * N_LAYERS),
            **dict.fromkeys(("order", "parts"), 8 * n_blocks),
            **dict.fromkeys(("coefficients", "halfway"), 2 * n_coefficients),
            # The coder reads some bytes ahead.
            "symbols": _SYMBOL_ROOM * self.n_samples + 64,
            "bytes": _BYTE_ROOM * self.n_samples,
            "early": 8 * 64 * n_blocks,
            "cuts": 12 * self.cut_room,
            "copies": 2 * 64 * 64 * self.cut_room,
            "status": 8,
            "decoded": 2 * n_coefficients * N_LAYERS,
            **dict.fromkeys(("even_low", "odd_low"), 2 * 3 * self.n_quarters * N_LAYERS),
            "out": n_coefficients * n_wanted,
        }


def _tiles(images: NDArray[np.void]) -> NDArray[np.int32]:
    levels = np.arange(MOST_LEVELS)[:, None]
    width, height = (-(-images[side].astype(np.int64) >> levels) for side in ("width", "height"))
    counts = -(-width // _TILE_WIDTH) * -(-height // _TILE_HEIGHT)
    # A picture without levels has its colours transformed, too.
    counts *= (images["levels"] > levels) | (levels == 0)
    starts = np.zeros((MOST_LEVELS, len(images) + 1), np.int32)
    starts[:, 1:] = counts.cumsum(axis=1)
    return starts


class Packed:
    """A layout of arrays, given the bytes of each, in one piece of memory at aligned places.

    Attributes:
        starts: first byte of each array, by name.
        n_bytes: bytes of all arrays together.
    """

    def __init__(self, sizes: dict[str, int]) -> None:
        self.starts: dict[str, int] = {}
        self.n_bytes = 0
        for name, size in sizes.items():
            self.starts[name] = self.n_bytes
            self.n_bytes += -(-size // _ALIGNED) * _ALIGNED


def uploaded(
    arrays: Mapping[str, NDArray[Any]], device: torch.device
) -> tuple[Packed, torch.Tensor]:
    """Bring arrays to a device in one copy, without waiting for its pending work."""
    packed = Packed({name: array.nbytes for name, array in arrays.items()})
    host = torch.empty(packed.n_bytes, dtype=torch.uint8, pin_memory=True)
    view = host.numpy()
    for name, array in arrays.items():
        start = packed.starts[name]
        view[start : start + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return packed, host.to(device, non_blocking=True)

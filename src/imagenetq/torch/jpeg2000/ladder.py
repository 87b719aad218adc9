"""Render groups of pictures on a GPU: clean samples in, the samples of all wanted levels out."""

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from imagenetq.errors import EvaluationError, PlatformError, UsageError
from imagenetq.specification import Value
from imagenetq.torch.jpeg2000 import tables
from imagenetq.torch.jpeg2000.compiling import compiled
from imagenetq.torch.jpeg2000.geometry import LONGEST_SIDE
from imagenetq.torch.jpeg2000.group import DEFINITIONS, N_LAYERS, Group, Packed, Tables, uploaded

PIXELS_AT_ONCE = 12 * 2**20
"""Pixels in a group, some 64 photographs: fewer leave a large GPU idle, more only take memory."""

BYTES_A_PIXEL = 300
"""Bytes of device memory for each pixel while a group is rendered; a generous estimate."""

_FEWEST_PIXELS = 2**20
_SHARE_OF_MEMORY = 4
"""A group takes at most one part in so many of the free memory; a network needs the rest."""

_BUSY_LANES = 160_000
"""Number of lanes over which the coder spreads a few code blocks; found by measuring."""

_FAULTS = {
    1: "a coefficient of more bit planes than a photograph can have",
    2: "a code block of more bytes than there is room for",
    4: "more misread cuts than there is room for",
}


@dataclass(frozen=True)
class Rendering:
    """A group that is queued on a stream."""

    levels: list[torch.Tensor]
    """Rendered levels of each picture, uint8 of shape (n, height, width, 3), on the device."""

    status: torch.Tensor
    """Report of the kernels, int32 of shape (2,), on the host; valid once the stream is through."""

    def check(self) -> None:
        """Check the report of the kernels, once the stream is through."""
        faults = int(self.status[1])
        if faults:
            reports = "; ".join(text for bit, text in _FAULTS.items() if faults & bit)
            raise EvaluationError(
                f"JPEG 2000 on the GPU: {reports}; report this, and render on the CPU meanwhile "
                "(--render cpu)"
            )


class Ladder:
    """The JPEG 2000 kernels on one GPU, a `GroupRenderer`."""

    def __init__(self, device: torch.device) -> None:
        """Compile the kernels for a CUDA device, or load them."""
        self._device = device
        self._kernels = compiled(device, DEFINITIONS)
        constants: dict[str, NDArray[Any]] = {
            "contexts": tables.context_tables(),
            "mq": tables.mq_states(),
            "weights": tables.weights(),
            "ratios": tables.signal_to_noise(),
        }
        packed, self._constants = uploaded(constants, device)
        base = self._constants.data_ptr()
        self._addresses = {name: base + start for name, start in packed.starts.items()}
        free, _ = torch.cuda.mem_get_info(device)
        self.most_pixels = free // _SHARE_OF_MEMORY // BYTES_A_PIXEL
        self.pixels_at_once = min(PIXELS_AT_ONCE, self.most_pixels)
        if self.most_pixels < _FEWEST_PIXELS:
            raise PlatformError(
                f"JPEG 2000 on a GPU: too little memory is free on {device} ({free >> 20} MiB)"
            )

    def queue(self, pictures: Sequence[torch.Tensor], targets: Sequence[Value]) -> Rendering:
        """Queue a group on the current stream, without waiting for it.

        Pictures are RGB on the device, uint8 of shape (height, width, 3), contiguous. Targets are
        PSNR in dB, each a rung of the ladder. If it raises `torch.OutOfMemoryError`, nothing was
        queued.
        """
        sizes = [(int(picture.shape[1]), int(picture.shape[0])) for picture in pictures]
        if max(map(max, sizes)) > LONGEST_SIDE:
            raise UsageError(f"JPEG 2000 on a GPU: a side of more than {LONGEST_SIDE} pixels")
        group_tables = Tables.of(sizes)
        group_tables.images["rgb"] = [picture.data_ptr() for picture in pictures]
        buffers = group_tables.buffers(len(targets))
        n_out = buffers.pop("out")
        packed = Packed(buffers)
        workspace = torch.empty(packed.n_bytes, dtype=torch.uint8, device=self._device)
        out = torch.empty(n_out, dtype=torch.uint8, device=self._device)
        arrays = {
            "images": group_tables.images,
            "blocks": group_tables.blocks,
            "tiles": group_tables.tiles,
        }
        packed_tables, table_memory = uploaded(arrays, self._device)
        group = self._group(group_tables, targets)
        for layout, memory in ((packed, workspace), (packed_tables, table_memory)):
            for name, start in layout.starts.items():
                setattr(group, name, memory.data_ptr() + start)
        group.out = out.data_ptr()
        status = _view(workspace, packed, "status", torch.int32, 2).zero_()
        self._launch_all(group, group_tables, workspace, packed)
        on_host = torch.empty(2, dtype=torch.int32, pin_memory=True)
        on_host.copy_(status, non_blocking=True)
        levels, start = [], 0
        for picture in pictures:
            stop = start + picture.numel() * len(targets)
            levels.append(out[start:stop].view(len(targets), *picture.shape))
            start = stop
        return Rendering(levels, on_host)

    def _group(self, group_tables: Tables, targets: Sequence[Value]) -> Group:
        n_blocks = len(group_tables.blocks)
        group = Group()
        for name, address in self._addresses.items():
            setattr(group, name, address)
        wanted = [float(target) for target in targets]
        for layer, target in enumerate(tables.targets()):
            group.place[layer] = wanted.index(target) if target in wanted else -1
        group.n_images, group.n_blocks = len(group_tables.images), n_blocks
        group.n_wanted, group.cut_room = len(wanted), group_tables.cut_room
        # Rounded down to a power of two from 1 to 32.
        group.spread = 2 ** int(math.log2(max(1, min(32, _BUSY_LANES // n_blocks))))
        return group

    def _launch_all(
        self, group: Group, group_tables: Tables, workspace: torch.Tensor, packed: Packed
    ) -> None:
        n_blocks, n_images = group.n_blocks, group.n_images
        n_tiles = [int(starts[-1]) for starts in group_tables.tiles]
        levels = range(group_tables.n_levels)
        launch = _Launcher(self._kernels, group, self._device)
        launch("colours", (n_tiles[0],), 256)
        for level in levels:
            launch("analyse_columns", (n_tiles[level], 3), 256, level)
            launch("analyse_rows", (n_tiles[level], 3), 256, level)
        launch("contexts", (-(-n_blocks // 4),), 128)
        torch.sort(
            _view(workspace, packed, "lengths", torch.int32, n_blocks),
            descending=True,
            out=(
                _view(workspace, packed, "sorted", torch.int32, n_blocks),
                _view(workspace, packed, "order", torch.int64, n_blocks),
            ),
        )
        launch("code", (-(-n_blocks * group.spread // 64),), 64)
        launch("allocate", (n_images,), 512)
        launch("find_cuts", (-(-n_blocks // 64), N_LAYERS), 64)
        launch("decode_cuts", (group.cut_room,), 32)
        launch("reconstruct", (n_blocks,), 256)
        for level in reversed(levels[1:]):
            launch("synthesise", (n_tiles[level], 3 * N_LAYERS), 256, level)
        launch("finish", (n_tiles[0], N_LAYERS), 256)


class _Launcher:
    """A launcher of kernels on the current stream, all with one group."""

    def __init__(self, kernels: dict[str, object], group: Group, device: torch.device) -> None:
        from cuda.bindings import driver

        self._driver = driver
        self._kernels = kernels
        self._stream = torch.cuda.current_stream(device).cuda_stream
        self._level = ctypes.c_int()
        self._arguments = (ctypes.c_void_p * 2)(
            ctypes.addressof(group), ctypes.addressof(self._level)
        )

    def __call__(self, name: str, grid: tuple[int, ...], threads: int, level: int = 0) -> None:
        """Start a kernel; `level` matters to those that take it."""
        self._level.value = level
        (status,) = self._driver.cuLaunchKernel(
            *(self._kernels[name], *grid, *(1,) * (3 - len(grid)), threads, 1, 1),
            *(0, self._stream, ctypes.addressof(self._arguments), 0),
        )
        if int(status):
            raise EvaluationError(
                f"JPEG 2000 on the GPU: kernel {name} does not start ({status.name}); "
                "the same command with --render cpu goes on"
            )


def _view(
    workspace: torch.Tensor, packed: Packed, name: str, dtype: torch.dtype, n: int
) -> torch.Tensor:
    start = packed.starts[name]
    return workspace[start : start + n * dtype.itemsize].view(dtype)

"""The rules of the JPEG 2000 ladder, in plain Python, against the installed OpenJPEG.

The rules are those of OpenJPEG 2.5.4. Breaking any one of them must show on these pictures, so a
version of OpenJPEG that has others shows too.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import features

import check
import images
from imagenetq.distortions import Pixels, Undistorted
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.record import pixel_sha256
from imagenetq.torch.engine_check import saturated_card
from imagenetq.torch.jpeg2000 import reference, tables
from imagenetq.torch.jpeg2000.reference import allocation, coding, decoding, mq, passes, render

RULES_OF = "2.5.4"


def small_picture(key: int, *, ramps: bool) -> Pixels:
    """Of up to 40 x 40 pixels; keys were chosen so that each rule shows in some picture."""
    raw = np.random.Philox(key=key).random_raw(2 + 40 * 40 * 3)
    height, width = (int(draw) % 40 + 1 for draw in raw[:2])
    noise = (raw[2 : 2 + height * width * 3] >> np.uint64(56)).astype(np.int64)
    noise = noise.reshape(height, width, 3)
    if not ramps:
        return noise.astype(np.uint8)
    rows, columns = np.indices((height, width))
    planes = [rows * 255 // height, columns * 255 // width, rows * columns // 7 % 256]
    return np.clip(np.stack(planes, 2) + noise // 4 - 32, 0, 255).astype(np.uint8)


def lines(height: int, width: int) -> Pixels:
    """Several code blocks a band."""
    raw = np.random.Philox(key=5).random_raw(height * width * 3)
    return (raw >> np.uint64(57)).astype(np.uint8).reshape(height, width, 3)


PICTURES = {
    "most rules": small_picture(298, ramps=True),
    "late end of the search": small_picture(252, ramps=False),
    "rounded norms": small_picture(185, ramps=True),
    "saturated": saturated_card(),
    "one row": lines(1, 150),
    "one column": lines(150, 1),
    "wide": lines(3, 140),
    "tall": lines(140, 2),
    "flat": np.full((20, 9, 3), (17, 130, 201), np.uint8),
}


def rendered(pixels: Pixels) -> Pixels:
    return np.stack(list(render(pixels)))


def expected(pixels: Pixels) -> Pixels:
    return np.stack([one.pixels for one in jpeg2000(Undistorted(pixels), tables.targets())])


@pytest.mark.parametrize("name", PICTURES)
def test_equals_openjpeg(name: str) -> None:
    version = features.version_codec("jpg_2000")
    equal = (rendered(PICTURES[name]) == expected(PICTURES[name])).all(axis=(1, 2, 3))
    assert equal.all(), f"OpenJPEG {version} has other rules than {RULES_OF} ({name}: {equal})"


@pytest.mark.parametrize(
    "name", ["one-pixel", "column", "row", "smaller-than-the-kernel", "saturated", "rate-control"]
)
def test_equals_the_golden_hashes(name: str) -> None:
    pinned = check.golden()[name]
    for target, pixels in zip(tables.targets(), render(images.images()[name]), strict=True):
        assert pixel_sha256(pixels) == pinned[f"jpeg2000-{target:.0f}"]


def _misread(cut: decoding.Cut, block: coding.CodedBlock, n_taken: int) -> None:
    cut._block, cut._n_bytes, cut.n_right = block, block.rates[n_taken - 1], n_taken


def _refined_at_no_profit(fraction: Any, plane: int) -> Any:
    if plane == 0:
        return np.where(fraction == 0, 64, 0)
    return np.where(fraction < 64, 48 - fraction, fraction - 80)


def _refined_alike(fraction: Any, _: int) -> Any:
    return np.maximum(np.where(fraction < 64, 48 - fraction, fraction - 80), 0)


def _capped(rates: list[int], _: bytes) -> tuple[int, ...]:
    return tuple(np.minimum.accumulate(rates[::-1])[::-1].tolist())


def _bottom_of_interval(block: coding.CodedBlock, plane: int, kind: passes.Kind) -> Any:
    return _DOUBLED(block, plane, kind) & -2 << plane


def _any_stripe(scan: passes.Scan, top: int, bottom: int, x: int) -> bool:
    rows = scan.significant[top - 1 : bottom + 1]
    return not any(row[column] for row in rows for column in (x - 1, x, x + 1))


def _transposed(function: Callable[..., Any], *, into_pixels: bool) -> Callable[..., Any]:
    """The same transform with rows and columns in the other order."""

    def other(array: Any) -> Any:
        ahead, back = ((1, 2), (0, 1)) if into_pixels else ((0, 1), (1, 2))
        return function(array.swapaxes(*ahead)).swapaxes(*back)

    return other


_DOUBLED = decoding._doubled
_EXACT_NORMS = tuple(
    tuple({10.68: 10.6875, 21.34: 21.34375}.get(norm, norm) for norm in norms)
    for norms in tables.NORMS
)

BROKEN: dict[str, tuple[Any, str, Any, str]] = {
    "misread cuts": (decoding.Cut, "__init__", _misread, "most rules"),
    "a byte more": (mq, "BYTES_AHEAD", 4, "most rules"),
    "a byte less": (mq, "BYTES_AHEAD", 2, "most rules"),
    "last FF": (coding, "_trimmed", _capped, "most rules"),
    "negative gains": (coding, "_refined", _refined_at_no_profit, "most rules"),
    "found in plane 0": (coding, "_found", lambda f, _: 3 * f - 144, "most rules"),
    "refined in plane 0": (coding, "_refined", _refined_alike, "most rules"),
    "norms": (tables, "NORMS", _EXACT_NORMS, "rounded norms"),
    "passes of no bytes": (
        *(allocation, "_is_worth"),
        lambda rate, gain, t: rate > 0 and t - gain / rate < sys.float_info.epsilon,
        "most rules",
    ),
    "last threshold": (allocation, "_chosen", lambda last, _: last, "most rules"),
    "end of the search": (allocation, "PRECISION", 0.5e-4, "late end of the search"),
    "peak": (allocation, "PEAK", 256, "most rules"),
    "runs in short stripes": (passes.Scan, "_starts_run", _any_stripe, "most rules"),
    "forward order": (
        *(reference, "analyse", _transposed(reference.analyse, into_pixels=False)),
        "most rules",
    ),
    "inverse order": (
        *(reference, "synthesise", _transposed(reference.synthesise, into_pixels=True)),
        "most rules",
    ),
    "middle of the interval": (decoding, "_doubled", _bottom_of_interval, "most rules"),
    "too many planes": (coding.CodedBlock, "n_lost", 0, "saturated"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_shows(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, instead, picture = BROKEN[rule]
    monkeypatch.setattr(where, name, instead)
    assert (rendered(PICTURES[picture]) != expected(PICTURES[picture])).any()

"""Change a model's preprocessing as the user asks with `--mean`, `--input-size` and the like."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

from imagenetq.choices import Interpolation
from imagenetq.errors import UsageError
from imagenetq.evaluate.models.preprocessing import (
    AnyPreprocessing,
    Colour,
    OpaquePreprocessing,
    Preprocessing,
    Size,
    colour,
)

_LARGEST_SIDE = 10_000


def overridden(preprocessing: AnyPreprocessing, overrides: Mapping[str, Any]) -> AnyPreprocessing:
    """Replace some of a preprocessing's values, by name, unless it is the model's own code.

    The names are `mean` and `std` (a number, or one for each channel), `interpolation`, `crop` (a
    side, or (height, width)), `resize` (the shorter side, or (height, width)), and `input_size`,
    which sets the crop and scales the resize with it.
    """
    if not overrides:
        return preprocessing
    if isinstance(preprocessing, OpaquePreprocessing):
        raise UsageError(
            f"{', '.join(overrides)} cannot be overridden: this model's preprocessing is code of "
            f"its own ({preprocessing.record()['callable']})"
        )
    for name, value in overrides.items():
        if name not in _CHECKS:
            known = ", ".join(_CHECKS)
            raise UsageError(f"no preprocessing value {name!r}; those to override: {known}")
        checked = _CHECKS[name](name, value)
        if name == "input_size":
            preprocessing = _with_input_size(preprocessing, checked)
        else:
            preprocessing = replace(preprocessing, **{name: checked})
    return preprocessing


def parse_size(name: str, value: Any) -> Size:
    """Give (height, width) for a side in pixels, or for a sequence of one or two sides.

    Sides are of 1 to 10,000 pixels; the message calls the value by the name.
    """
    sides = (value, value) if isinstance(value, int) else tuple(value)
    if len(sides) == 1:
        sides *= 2
    if len(sides) != 2 or not all(
        isinstance(side, int) and 0 < side <= _LARGEST_SIDE for side in sides
    ):
        raise UsageError(
            f"{name} {value!r}: give a side of 1 to {_LARGEST_SIDE} pixels, or height and width"
        )
    return sides[0], sides[1]


def _with_input_size(preprocessing: Preprocessing, size: Size) -> Preprocessing:
    old = preprocessing.input_size
    resize: int | Size | None = preprocessing.resize
    if old is None:
        return replace(preprocessing, crop=size)
    crop = None if preprocessing.crop is None else size
    if resize is None:
        return replace(preprocessing, crop=crop)
    height, width = resize if isinstance(resize, tuple) else (resize, resize)
    # timm, too, rounds down the side that it crops from.
    scaled = (height * size[0] // old[0], width * size[1] // old[1])
    if isinstance(resize, tuple):
        return replace(preprocessing, resize=scaled, crop=crop)
    if size[0] == size[1]:
        return replace(preprocessing, resize=scaled[0], crop=crop)
    return replace(preprocessing, resize=scaled, crop=crop, fit="cover")


def _resize(name: str, value: Any) -> int | Size:
    size = parse_size(name, value)
    return value if isinstance(value, int) else size


def _channels(name: str, value: Any) -> Colour:
    values = (value,) * 3 if isinstance(value, int | float) else tuple(value)
    if len(values) == 1:
        values *= 3
    if len(values) != 3 or not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
        raise UsageError(f"{name} {value!r}: give one number, or three for red, green and blue")
    if name == "std" and min(values) <= 0:
        raise UsageError(f"std {value!r}: must be above 0")
    return colour(values)


def _interpolation(name: str, value: Any) -> str:
    if value not in get_args(Interpolation):
        raise UsageError(f"{name} {value!r}: must be one of {', '.join(get_args(Interpolation))}")
    return str(value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "mean": _channels,
    "std": _channels,
    "input_size": parse_size,
    "interpolation": _interpolation,
    "resize": _resize,
    "crop": parse_size,
}

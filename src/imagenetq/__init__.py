"""Measure how image quality affects image classifiers, with the same pixels for everyone.

    >>> import numpy as np
    >>> image = np.full((2, 2, 3), 200, np.uint8)
    >>> int(render(image, "contrast-0.5")[0, 0, 0])
    200

`render` makes one variant of an image, and `render_ladder` makes all of them. `Distort` is a
transform for training. `imagenetq.builder` builds datasets, and `imagenetq.evaluate` evaluates
models on them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagenetq.errors import ImagenetqError
    from imagenetq.rendering import Rendered, render, render_ladder
    from imagenetq.specification import (
        DATASET_VERSION,
        Variant,
        scored_variants,
        specification_digest,
        variants,
    )
    from imagenetq.transform import Distort

__version__ = "0.1.0"

__all__ = [
    "DATASET_VERSION",
    "Distort",
    "ImagenetqError",
    "Rendered",
    "Variant",
    "__version__",
    "render",
    "render_ladder",
    "scored_variants",
    "specification_digest",
    "variants",
]

_HOMES = {
    "errors": ("ImagenetqError",),
    "rendering": ("Rendered", "render", "render_ladder"),
    "specification": (
        "DATASET_VERSION",
        "Variant",
        "scored_variants",
        "specification_digest",
        "variants",
    ),
    "transform": ("Distort",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, since numpy and Pillow load slowly."""
    from imagenetq.lazy import lazy_names

    return lazy_names(__name__, _HOMES)(name)

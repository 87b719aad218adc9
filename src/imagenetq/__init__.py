"""ImageNet-Q: how image quality affects image classifiers, with the same pixels for everyone.

    >>> import numpy as np
    >>> image = np.full((2, 2, 3), 200, np.uint8)
    >>> int(render(image, "contrast-0.5")[0, 0, 0])
    200

`render` makes one variant, `render_ladder` all of them, `Distort` is a transform for training.
The building of datasets is in `imagenetq.builder`.
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

    __version__: str

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
    """Import a public name when it is first used: numpy and Pillow take longer than `--help`."""
    from imagenetq.lazy import lazy_names
    from imagenetq.provenance import code_version

    if name == "__version__":
        return code_version()
    return lazy_names(__name__, _HOMES)(name)

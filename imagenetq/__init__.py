"""ImageNet-Q: how image quality affects image classifiers, with the same pixels for everyone.

    >>> import numpy as np
    >>> image = np.full((2, 2, 3), 200, np.uint8)
    >>> int(render(image, "contrast-0.5")[0, 0, 0])
    200

`render` makes one variant, `render_ladder` all of them, `Distort` is a transform for training.
The building of datasets is in `imagenetq.builder`.
"""

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

__all__ = [
    "DATASET_VERSION",
    "Distort",
    "ImagenetqError",
    "Rendered",
    "Variant",
    "render",
    "render_ladder",
    "scored_variants",
    "specification_digest",
    "variants",
]

"""Compress images to JPEG, by libjpeg-turbo through Pillow."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from imagenetq.distortions.base import Distorted, Undistorted
from imagenetq.specification import Value


def jpeg(original: Undistorted, qualities: Sequence[Value]) -> Iterator[Distorted]:
    """Compress an image to JPEG at libjpeg's qualities, 1 to 100, and decompress it.

    Codestreams are baseline, 4:2:0 (ITU-T T.81).
    """
    for quality in qualities:
        buffer = BytesIO()
        original.image.save(buffer, "JPEG", quality=int(quality), subsampling="4:2:0")
        with Image.open(buffer, formats=["JPEG"]) as decoded:
            yield Distorted(np.asarray(decoded), buffer.getvalue())

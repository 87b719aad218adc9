"""Draw a picture on which JPEG 2000's rare rules show, beside `selfcheck`'s calibration card."""

import numpy as np

from imagenetq.distortions import Pixels

# Signs of the weights with which a coefficient of the second level sums up 20 samples.
_LOW = "00111111111111100000"
_HIGH = "00011000001111100000"


def saturated_card() -> Pixels:
    """Draw chroma in the shape of a wavelet, at full contrast; uint8 of shape (20, 20, 3).

    One coefficient needs more bit planes than the codestream can signal. Four layers cut code
    blocks where a decoder misreads them.
    """
    rows, columns = (np.array([sign == "1" for sign in signs]) for signs in (_LOW, _HIGH))
    red = np.where(rows[:, None] == columns, 255, 0).astype(np.uint8)
    return np.stack([red, 255 - red, red], axis=2)

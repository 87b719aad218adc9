from fractions import Fraction

import numpy as np
import pytest

from imagenetq.distortions import Pixels, Undistorted
from imagenetq.distortions.contrast import contrast, mean_luma
from imagenetq.specification import ladder

FACTORS = ladder("contrast").values


def contrasts(pixels: Pixels) -> list[Pixels]:
    return [distorted.pixels for distorted in contrast(Undistorted(pixels), FACTORS)]


def grey_of(samples: list[list[int]]) -> int:
    """ITU-R 601 luma in Pillow's 16-bit fixed point, its mean rounded half up."""
    lumas = [(19595 * r + 38470 * g + 7471 * b + 32768) >> 16 for r, g, b in samples]
    return int(Fraction(sum(lumas), len(lumas)) + Fraction(1, 2))


def grey_row(*values: int) -> Pixels:
    return np.array([[[value] * 3 for value in values]], np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_follows_a_scalar_reference(seed):
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (*generator.integers(1, 20, 2), 3), dtype=np.uint8)
    grey = grey_of(pixels.reshape(-1, 3).tolist())
    for k, result in zip(range(10, -1, -1), contrasts(pixels), strict=True):
        expected = [(k * x + (10 - k) * grey + 5) // 10 for x in pixels.ravel().tolist()]
        assert result.ravel().tolist() == expected


def test_rungs_are_tenths_from_one_to_zero():
    assert [round(10 * factor) for factor in FACTORS] == list(range(10, -1, -1))


def test_follows_a_scalar_reference_on_a_photograph(photographs):
    for pixels in photographs[:3]:
        assert mean_luma(Undistorted(pixels)) == grey_of(pixels.reshape(-1, 3).tolist())


@pytest.mark.parametrize(
    ("row", "grey"), [((10, 11), 11), ((11, 12), 12), ((10, 10, 11), 10), ((0, 255), 128)]
)
def test_mean_luma_rounds_half_up(row, grey):
    assert mean_luma(Undistorted(grey_row(*row))) == grey


def test_whole_contrast_is_the_image_and_none_is_grey(photographs, synthetic):
    for pixels in [*photographs[:3], *synthetic]:
        results = contrasts(pixels)
        assert np.array_equal(results[0], pixels)
        assert (results[-1] == mean_luma(Undistorted(pixels))).all()


def test_a_large_bright_image_does_not_overflow_its_sum():
    assert mean_luma(Undistorted(np.full((4200, 4200, 3), 255, np.uint8))) == 255

import math
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from imagenetq.distortions import Pixels, Undistorted
from imagenetq.distortions.blur import _convolve, blur, gaussian_taps, reflect
from imagenetq.specification import ladder

SIGMAS = ladder("blur").values


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    (distorted,) = blur(Undistorted(pixels), [sigma])
    assert distorted.codestream is None
    return distorted.pixels


def float_weights(sigma: int) -> list[float]:
    radius = 2 * sigma
    weights = [math.exp(-(i * i) / (2 * sigma * sigma)) for i in range(-radius, radius + 1)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def integer_weights(sigma: int) -> list[int]:
    weights = [round(weight * 2**22) for weight in float_weights(sigma)]
    weights[2 * sigma] += 2**22 - sum(weights)
    return weights


def by_ndimage(samples: NDArray[np.float64], weights: list[float]) -> NDArray[np.float64]:
    vertical = correlate1d(samples, weights, axis=0, mode="mirror")
    return correlate1d(vertical, weights, axis=1, mode="mirror")


def by_integers(pixels: Pixels, sigma: int) -> Pixels:
    """Nothing but int64, and numpy's own border."""
    weights = integer_weights(sigma)
    samples = pixels.astype(np.int64)
    for axis in (0, 1):
        border = [(2 * sigma, 2 * sigma) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(samples, border, mode="reflect")
        size = samples.shape[axis]
        samples = sum(
            weight * padded.take(range(start, start + size), axis=axis)
            for start, weight in enumerate(weights)
        )
    return ((samples + 2**43) >> 44).astype(np.uint8)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_taps_are_the_gaussian_in_units_of_a_four_millionth(sigma):
    taps = gaussian_taps(sigma)
    assert taps.tolist() == integer_weights(sigma)
    assert taps.shape == (4 * sigma + 1,)
    assert taps.sum() == 2**22
    assert (taps > 0).all()
    assert taps.tolist() == taps[::-1].tolist()


@pytest.mark.parametrize("sigma", SIGMAS)
def test_follows_a_float_gaussian_on_photographs(photographs, sigma):
    equal = total = 0
    for pixels in photographs[:6]:
        exact = by_ndimage(pixels.astype(np.float64), float_weights(sigma))
        difference = np.floor(exact + 0.5) - blurred(pixels, sigma)
        assert np.abs(difference).max() <= 1
        equal += np.count_nonzero(difference == 0)
        total += difference.size
    assert equal / total > 0.9999


@pytest.mark.parametrize("sigma", SIGMAS)
def test_is_exact_on_photographs(photographs, sigma):
    for pixels in photographs[6:9]:
        sums = by_ndimage(pixels.astype(np.float64), integer_weights(sigma)).astype(np.int64)
        assert np.array_equal(blurred(pixels, sigma), (sums + 2**43) >> 44)


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from(SIGMAS), st.integers(0, 2**32 - 1))
def test_is_exact_at_any_size(height, width, sigma, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sums = by_ndimage(pixels.astype(np.float64), integer_weights(sigma)).astype(np.int64)
    assert np.array_equal(blurred(pixels, sigma), (sums + 2**43) >> 44)
    assert np.array_equal(blurred(pixels, sigma), by_integers(pixels, sigma))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(SIGMAS),
    st.sampled_from([(0, 255), (100, 101), (254, 255), (0, 1)]),
    st.sampled_from(["rows", "columns", "checkers", "coins"]),
)
def test_is_exact_where_many_samples_lie_halfway(height, width, sigma, values, pattern):
    y, x = np.mgrid[:height, :width]
    masks = {
        "rows": y % 2,
        "columns": x % 2,
        "checkers": (x + y) % 2,
        "coins": np.random.default_rng(3).integers(0, 2, (height, width)),
    }
    pixels = np.array(values, np.uint8)[masks[pattern]][:, :, None].repeat(3, axis=2)
    assert np.array_equal(blurred(pixels, sigma), by_integers(pixels, sigma))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_single_precision_is_wrong_by_less_than_is_allowed_for(photographs, sigma):
    random = np.random.default_rng(4)
    saturated = 255 * random.integers(0, 2, (400, 400, 3), dtype=np.uint8)
    for pixels in [*photographs[:3], saturated, np.full((99, 99, 3), 255, np.uint8)]:
        planes = pixels.transpose(2, 0, 1)
        # Whole blocks and their border.
        height, width = ((size - 4 * sigma) // 16 * 16 + 4 * sigma for size in planes.shape[1:])
        planes = planes[:, :height, :width]
        exact = _convolve(planes, sigma, np.float64)
        near = _convolve(planes, sigma, np.float32)
        assert near.dtype == np.float32
        assert np.abs(near - exact).max() < (4 * sigma + 1) / 2**16


@pytest.mark.parametrize("shape", [(331, 180), (17, 45_000), (3_000, 16)])
def test_is_exact_over_the_seams_of_its_bands(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    sums = by_ndimage(pixels.astype(np.float64), integer_weights(9)).astype(np.int64)
    assert np.array_equal(blurred(pixels, 9), (sums + 2**43) >> 44)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_leaves_a_uniform_image_alone(value):
    pixels = np.full((9, 14, 3), value, np.uint8)
    assert all(np.array_equal(blurred(pixels, sigma), pixels) for sigma in SIGMAS)


def test_channels_do_not_mix():
    pixels = np.zeros((12, 12, 3), np.uint8)
    pixels[5, 5, 1] = 255
    result = blurred(pixels, 1)
    assert result[:, :, 1].any()
    assert not result[:, :, [0, 2]].any()


@pytest.mark.parametrize("size", range(1, 9))
def test_border_bounces_without_repeating_the_edge(size):
    there = range(size)
    and_back = range(size - 2, 0, -1)
    bounce = list(chain(there, and_back)) * 12
    start = len(bounce) // 12 * 6
    indices = np.arange(-start, len(bounce) - start)
    assert reflect(indices, size).tolist() == bounce


def test_input_is_left_as_it_was():
    pixels = np.random.default_rng(2).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    before = pixels.copy()
    blurred(pixels, 3)
    assert np.array_equal(pixels, before)

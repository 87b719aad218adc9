import hashlib
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from imagenetq.distortions import Pixels, Undistorted
from imagenetq.distortions import noise as noise_module
from imagenetq.distortions.noise import noise, noise_field, quantiles
from imagenetq.errors import PlatformError, UsageError
from imagenetq.specification import ladder

SIGMAS = ladder("noise").values
WORD = 2**64 - 1
# Five standard errors: with fixed keys the tests always give the same answer, and a right
# generator would fail one in a million times when the keys are chosen anew.
N_ERRORS = 5


def noisy(pixels: Pixels, image_id: str) -> list[Pixels]:
    return [distorted.pixels for distorted in noise(Undistorted(pixels, image_id), SIGMAS)]


def deviates(image_id: str, n_samples: int) -> np.ndarray:
    """The image's field in standard deviations."""
    return quantiles()[noise_field(image_id, n_samples)] / 65536


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """In standard errors of two independent samples."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1] * np.sqrt(a.size))


def philox_block(counter: int, key: int) -> list[int]:
    """Philox4x64-10, written after Salmon et al. 2011 in plain integers."""
    c = [counter >> shift & WORD for shift in (0, 64, 128, 192)]
    k = [key & WORD, key >> 64]
    for _ in range(10):
        low = 0xD2E7470EE14C6C93 * c[0]
        high = 0xCA5A826395121157 * c[2]
        c = [high >> 64 ^ c[1] ^ k[0], high & WORD, low >> 64 ^ c[3] ^ k[1], low & WORD]
        k = [k[0] + 0x9E3779B97F4A7C15 & WORD, k[1] + 0xBB67AE8584CAA73B & WORD]
    return c


@pytest.mark.parametrize("image_id", ["ILSVRC2012_val_00000293", "a", "É"])
def test_field_is_the_philox_stream_of_the_image(image_id):
    digest = hashlib.sha256(b"imagenet-q/1/noise/" + image_id.encode()).digest()
    key = int.from_bytes(digest[:16], "little")
    # The counter steps before the first block, in numpy as in Random123's engines.
    words = [word for counter in range(1, 9) for word in philox_block(counter, key)]
    expected = [word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)]
    assert noise_field(image_id, len(expected)).tolist() == expected


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4, 5, 99])
def test_field_of_a_small_image_begins_like_that_of_a_large_one(n_samples):
    field = noise_field("x", n_samples)
    assert field.tolist() == noise_field("x", 1000)[:n_samples].tolist()


def test_table_is_the_specified_one():
    table = quantiles()
    digest = hashlib.sha256(table.astype("<i4").tobytes()).hexdigest()
    assert digest == "ee46eda6f743ea9b2949c72134d6385025bcc7573bb0fba98b3bf40224779880"
    assert digest == ladder("noise").definition["z_sha256"]


def test_table_holds_the_quantiles_of_the_normal_distribution():
    inverse = NormalDist().inv_cdf
    expected = [round(65536 * inverse((u + 0.5) / 65536)) for u in range(65536)]
    # The standard library's inverse is good to about 1e-9: only ties can round differently.
    assert np.abs(quantiles() - expected).max() <= 1
    assert np.count_nonzero(quantiles() != expected) <= 2
    assert quantiles().tolist() == [-z for z in quantiles()[::-1].tolist()]


def test_foreign_table_is_refused(monkeypatch):
    monkeypatch.setattr("scipy.special.ndtri", lambda p: p)
    with pytest.raises(PlatformError, match="scipy"):
        quantiles.__wrapped__()


def test_pixels_follow_the_formula():
    pixels = np.random.default_rng(0).integers(0, 256, (11, 13, 3), dtype=np.uint8)
    table = quantiles().tolist()
    field = noise_field("formula", pixels.size).tolist()
    for sigma, result in zip(SIGMAS, noisy(pixels, "formula"), strict=True):
        expected = [
            min(max(x + ((sigma * table[u] + 32768) >> 16), 0), 255)
            for x, u in zip(pixels.ravel().tolist(), field, strict=True)
        ]
        assert result.ravel().tolist() == expected


@pytest.mark.parametrize("image_id", ["one", "two", "three"])
def test_mean_and_deviation(image_id):
    n = 600 * 500 * 3
    z = deviates(image_id, n)
    assert abs(z.mean()) < N_ERRORS / np.sqrt(n)
    assert abs(z.std() - 1) < N_ERRORS / np.sqrt(2 * n)
    assert abs((z**3).mean()) < N_ERRORS * np.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < N_ERRORS * np.sqrt(96 / n)


def test_rendered_noise_has_the_ladders_deviation():
    grey = np.full((300, 400, 3), 128, np.uint8)
    for sigma, result in zip(SIGMAS[:3], noisy(grey, "grey")[:3], strict=True):
        error = result.astype(np.float64) - 128
        n = error.size
        # Rounding to whole grey levels adds a variance of 1/12; 3 sigma of 30 hardly clip.
        assert error.std() == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.005)
        assert abs(error.mean()) < N_ERRORS * sigma / np.sqrt(n)


def test_all_bits_of_the_field_are_fair():
    field = noise_field("bits", 1_000_000)
    for bit in range(16):
        ones = np.count_nonzero(field >> bit & 1)
        assert abs(ones - 500_000) < N_ERRORS * 500


def test_channels_and_neighbours_are_independent():
    z = deviates("independent", 400 * 500 * 3).reshape(400, 500, 3)
    pairs = {
        "red and green": (z[..., 0], z[..., 1]),
        "green and blue": (z[..., 1], z[..., 2]),
        "red and blue": (z[..., 0], z[..., 2]),
        "horizontal neighbours": (z[:, :-1], z[:, 1:]),
        "vertical neighbours": (z[:-1], z[1:]),
        "magnitudes of neighbours": (z[:, :-1] ** 2, z[:, 1:] ** 2),
    }
    for name, (a, b) in pairs.items():
        assert abs(correlation(a, b)) < N_ERRORS, name


def test_images_are_independent():
    fields = [deviates(f"ILSVRC2012_val_{i:08d}", 150_000) for i in range(1, 9)]
    for i, a in enumerate(fields):
        for b in fields[:i]:
            assert abs(correlation(a, b)) < N_ERRORS


def test_levels_share_one_field():
    grey = np.full((40, 50, 3), 128, np.uint8)
    steps = [result.astype(int) - 128 for result in noisy(grey, "paired")]
    for milder, stronger in pairwise(steps):
        assert (np.abs(stronger) >= np.abs(milder)).all()
        assert (stronger * milder >= 0).all()


def test_field_is_drawn_once_for_all_levels(monkeypatch):
    drawn = []

    def counted(image_id: str, n_samples: int) -> np.ndarray:
        drawn.append(image_id)
        return noise_field(image_id, n_samples)

    monkeypatch.setattr(noise_module, "noise_field", counted)
    noisy(np.zeros((4, 4, 3), np.uint8), "once")
    assert drawn == ["once"]


def test_is_the_same_alone_and_among_others():
    pixels = np.random.default_rng(3).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    for sigma, result in zip(SIGMAS, noisy(pixels, "x"), strict=True):
        (alone,) = noise(Undistorted(pixels, "x"), [sigma])
        assert np.array_equal(alone.pixels, result)


def test_image_without_an_id_is_refused():
    with pytest.raises(UsageError, match="image_id"):
        list(noise(Undistorted(np.zeros((2, 2, 3), np.uint8)), [10]))

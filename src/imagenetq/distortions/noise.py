"""Add Gaussian noise to images, from one random field an image, keyed by its id.

Numpy guarantees the raw bit stream of its Philox generator (Salmon et al. 2011) across versions,
but not its normal distribution. So the normal deviates come from a table of 65,536 quantiles in
fixed point, indexed by 16 random bits a sample.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imagenetq.distortions.base import Distorted, Undistorted, blocks
from imagenetq.errors import PlatformError, UsageError
from imagenetq.specification import KEY_PREFIX, Value, ladder


@cache
def quantiles() -> NDArray[np.int32]:
    """Compute `round(65536 * Phi^-1((u + 0.5) / 65536))` for u in 0 to 65535."""
    # SciPy takes a while to load, and only noise needs it.
    from scipy.special import ndtri

    z: NDArray[np.int32] = np.rint(65536 * ndtri((np.arange(65536) + 0.5) / 65536)).astype("<i4")
    if hashlib.sha256(z.tobytes()).hexdigest() != ladder("noise").definition["z_sha256"]:
        raise PlatformError(
            "scipy.special.ndtri computes another noise table here than the specification's; "
            "install scipy's official wheel"
        )
    return z.astype(np.int32, copy=False)


def noise_key(image_id: str) -> int:
    """Make the generator's 128-bit key: the same for all levels of an image, so they are paired."""
    return int.from_bytes(noise_key_bytes(image_id), "little")


def noise_key_bytes(image_id: str) -> bytes:
    """Make the key's 16 bytes, the lowest first."""
    try:
        key = f"{KEY_PREFIX}noise/{image_id}".encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{image_id!a} cannot key noise: it holds what is no character; rename the file, or "
            "give another image_id"
        ) from None
    return hashlib.sha256(key).digest()[:16]


def noise_field(image_id: str, n_samples: int) -> NDArray[np.uint16]:
    """Draw the image's random field, as indices into `quantiles()`: uint16 of shape (n_samples,).

    Samples are in row, column, RGB order.
    """
    generator = np.random.Philox(key=noise_key(image_id))
    raw = generator.random_raw(-(-n_samples // 4)).astype("<u8", copy=False)
    return raw.view("<u2")[:n_samples]


def noise(original: Undistorted, sigmas: Sequence[Value]) -> Iterator[Distorted]:
    """Add Gaussian noise to every sample, of standard deviations in whole grey levels.

    Samples are `clip(x + ((sigma * z + 32768) >> 16), 0, 255)`, where the image's id keys `z`.
    """
    if original.image_id is None:
        raise UsageError("noise is keyed by the image: give an image_id, such as its file's stem")
    field = noise_field(original.image_id, original.pixels.size)
    deviates = np.take(quantiles(), field)
    samples = original.pixels.reshape(-1)
    for sigma in sigmas:
        noisy = np.empty_like(samples)
        for block in blocks(samples.size):
            sums = deviates[block] * np.int32(sigma)
            sums += 32768
            sums >>= 16
            sums += samples[block]
            np.clip(sums, 0, 255, out=noisy[block], casting="unsafe")
        yield Distorted(noisy.reshape(original.pixels.shape))

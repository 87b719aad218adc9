import numpy as np
import pytest

from imagenetq import selfcheck
from imagenetq.distortions import DISTORTIONS, Distorted
from imagenetq.errors import PlatformError


@pytest.fixture(autouse=True)
def _forget():
    selfcheck.check_platform.cache_clear()
    yield
    selfcheck.check_platform.cache_clear()


def test_this_machine_passes():
    selfcheck.check_platform()


@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_one_wrong_sample_of_any_distortion_is_noticed(monkeypatch, distortion):
    right = DISTORTIONS[distortion]

    def wrong(original, values):
        for distorted in right(original, values):
            pixels = distorted.pixels.copy()
            pixels[-1, -1, -1] ^= 1
            yield Distorted(pixels, distorted.codestream)

    monkeypatch.setitem(DISTORTIONS, distortion, wrong)
    with pytest.raises(PlatformError, match="official wheels") as caught:
        selfcheck.check_platform()
    assert "\n" not in str(caught.value)


def test_a_wrong_noise_table_is_noticed(monkeypatch):
    monkeypatch.setattr("imagenetq.distortions.noise.quantiles", lambda: np.zeros(65536, np.int32))
    with pytest.raises(PlatformError):
        selfcheck.check_platform()


def test_card_exercises_the_whole_range():
    card = selfcheck.calibration_card()
    assert (card.shape, card.dtype) == ((61, 83, 3), np.uint8)
    assert (card.min(), card.max()) == (0, 255)


@pytest.mark.parametrize(
    ("version", "accepted"), [("2.5.0", False), (None, False), ("2.5.2", True)]
)
def test_an_openjpeg_of_other_pixels_is_refused(monkeypatch, version, accepted):
    monkeypatch.setattr(selfcheck.features, "version_codec", lambda _: version)
    if accepted:
        selfcheck.check_platform()
        return
    with pytest.raises(PlatformError, match="OpenJPEG here is"):
        selfcheck.check_platform()

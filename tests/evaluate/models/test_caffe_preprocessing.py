import pickle

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from imagenetq.errors import UsageError  # noqa: E402
from imagenetq.evaluate.models.from_caffe import caffe_preprocessing  # noqa: E402
from imagenetq.evaluate.models.preprocessing import normalise  # noqa: E402
from imagenetq.evaluate.models.preprocessing_overrides import overridden  # noqa: E402

MEAN = (104.0, 117.0, 123.0)


@pytest.mark.parametrize("side", [224, 227])
@pytest.mark.parametrize("size", [(451, 300), (300, 451), (500, 375), (200, 100), (256, 256)])
def test_warps_and_crops_as_caffe_does(
    size: tuple[int, int], side: int, photograph: Image.Image
) -> None:
    cv2 = pytest.importorskip("cv2")
    picture = np.asarray(photograph.resize(size))
    ours = caffe_preprocessing(side, MEAN).pixels(picture)

    # DataTransformer's corner, and OpenCV's resize, which rounds its weights to 11 bits.
    warped = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_LINEAR)
    corner = (256 - side) // 2
    expected = warped[corner : corner + side, corner : corner + side]
    assert ours.shape == (side, side, 3)
    assert np.abs(ours.astype(int) - expected).max() <= 1


def test_leaves_the_noise_that_antialiasing_removes() -> None:
    noise = np.random.default_rng(0).normal(128, 30, (512, 512, 3)).clip(0, 255).astype(np.uint8)
    ours = caffe_preprocessing(224, MEAN).pixels(noise)
    antialiased = np.asarray(Image.fromarray(noise).resize((256, 256), Image.Resampling.BILINEAR))
    assert ours.std() / noise.std() == pytest.approx(0.5, abs=0.01)
    assert antialiased.std() / noise.std() == pytest.approx(0.31, abs=0.01)


def test_inputs_are_on_caffes_scale() -> None:
    picture = np.full((256, 256, 3), (10, 20, 30), np.uint8)
    preprocessing = caffe_preprocessing(224, MEAN)
    inputs = normalise(torch.from_numpy(preprocessing.pixels(picture))[None], preprocessing)
    expected = torch.tensor([10 - 123.0, 20 - 117.0, 30 - 104.0])
    torch.testing.assert_close(inputs[0, :, 5, 5], expected, rtol=1e-6, atol=1e-4)


def test_is_recorded_and_pickled() -> None:
    preprocessing = caffe_preprocessing(227, MEAN)
    record = preprocessing.record()
    assert (record["antialias"], record["resize"], record["crop"]) == (False, [256, 256], [227] * 2)
    assert preprocessing.input_size == (227, 227)
    assert pickle.loads(pickle.dumps(preprocessing)) == preprocessing


def test_can_be_overridden(photograph: Image.Image) -> None:
    picture = np.asarray(photograph)
    preprocessing = caffe_preprocessing(224, MEAN)
    bicubic = overridden(preprocessing, {"interpolation": "bicubic", "mean": 0.5})
    assert not np.array_equal(bicubic.pixels(picture), preprocessing.pixels(picture))
    assert bicubic.record()["antialias"] is False
    with pytest.raises(UsageError, match="interpolation 'lanczos': Caffe's networks take nearest"):
        overridden(preprocessing, {"interpolation": "lanczos"})

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.errors import ModelError, UsageError

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("transformers")

from imagenetq.evaluate.models.from_timm import from_data_config  # noqa: E402
from imagenetq.evaluate.models.from_torchvision import from_transform  # noqa: E402
from imagenetq.evaluate.models.from_transformers import (  # noqa: E402
    ProcessorTransform,
    from_processor,
)
from imagenetq.evaluate.models.preprocessing import (  # noqa: E402
    OpaquePreprocessing,
    Preprocessing,
    normalise,
)
from imagenetq.evaluate.models.preprocessing_overrides import overridden  # noqa: E402

SIZES = [(1, 1), (3, 2), (31, 40), (223, 224), (225, 300), (300, 225), (227, 501), (640, 233)]
USUAL = Preprocessing(256, "bilinear", (224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def pictures(imagenet_sample: Path) -> list[Pixels]:
    """Real photographs as they are, and cut to tiny, odd, portrait and landscape sizes."""
    files = sorted(imagenet_sample.glob("n*/*"))
    photographs = [decode(file.read_bytes(), file.name) for file in files[::40]]
    large = np.array(Image.fromarray(photographs[0]).resize((700, 700)))
    return photographs + [large[:height, :width].copy() for height, width in SIZES]


def tensor(preprocessing: Any, picture: Pixels) -> "torch.Tensor":
    return normalise(torch.from_numpy(preprocessing.pixels(picture))[None], preprocessing)[0]


TIMM_CONFIGS = {
    "usual": {},
    "large": {"input_size": (3, 299, 299), "crop_pct": 0.95, "interpolation": "bicubic"},
    "odd": {"input_size": (3, 225, 225), "crop_pct": 0.9},
    "whole": {"crop_pct": 1.0, "interpolation": "lanczos"},
    "oblong": {"input_size": (3, 160, 225), "crop_pct": 0.9},
    "squash": {"crop_mode": "squash", "crop_pct": 0.9, "interpolation": "bicubic"},
    "oblong squash": {"crop_mode": "squash", "crop_pct": 1.0, "input_size": (3, 128, 99)},
    "border": {"crop_mode": "border", "crop_pct": 0.9},
    "oblong border": {"crop_mode": "border", "crop_pct": 1.0, "input_size": (3, 131, 98)},
}


@pytest.mark.parametrize("overrides", TIMM_CONFIGS.values(), ids=TIMM_CONFIGS)
def test_gives_timms_samples(overrides: dict[str, Any], pictures: list[Pixels]) -> None:
    from timm.data import create_transform, resolve_data_config

    config = resolve_data_config({"input_size": (3, 224, 224)}, pretrained_cfg={"mean": (0.5,) * 3})
    config.update(overrides)
    theirs = create_transform(**config)
    before_tensor = theirs.transforms[:-2]
    ours = from_data_config("timm/x", config)

    for picture in pictures:
        if config["crop_mode"] == "border" and min(picture.shape[:2]) < 4:
            continue  # There timm itself rounds a side to nothing.
        image = Image.fromarray(picture)
        assert torch.equal(tensor(ours, picture), theirs(image))
        for step in before_tensor:
            image = step(image)
        assert np.array_equal(ours.pixels(picture), np.asarray(image)), picture.shape


@pytest.mark.parametrize(
    ("crop", "resize", "interpolation"),
    [(224, 256, "bilinear"), (224, 232, "bilinear"), (384, 384, "bicubic"), (227, 230, "bicubic")],
)
def test_gives_torchvisions_samples(
    crop: int, resize: int, interpolation: str, pictures: list[Pixels]
) -> None:
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    theirs = ImageClassification(
        crop_size=crop, resize_size=resize, interpolation=InterpolationMode(interpolation)
    )
    ours = from_transform(theirs)

    assert isinstance(ours, Preprocessing)
    for picture in pictures:
        assert torch.equal(tensor(ours, picture), theirs(Image.fromarray(picture)))


def test_pads_where_torchvision_pads(pictures: list[Pixels]) -> None:
    from torchvision.transforms.functional import center_crop

    for crop in ((224, 224), (301, 299), (32, 701), (4, 3)):
        ours = Preprocessing(None, "bilinear", crop, (0.0,) * 3, (1.0,) * 3)
        for picture in pictures:
            theirs = center_crop(Image.fromarray(picture), list(crop))
            assert np.array_equal(ours.pixels(picture), np.asarray(theirs)), (picture.shape, crop)


def processors() -> dict[str, Any]:
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.convnext.image_processing_pil_convnext import (
        ConvNextImageProcessorPil,
    )
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    odd_crop = {"height": 225, "width": 223}
    return {
        "vit": ViTImageProcessorPil(),
        "oblong vit": ViTImageProcessorPil(size={"height": 96, "width": 131}),
        "raw vit": ViTImageProcessorPil(do_normalize=False),
        "bare vit": ViTImageProcessorPil(do_normalize=False, do_rescale=False),
        "minus one to one": ViTImageProcessorPil(
            rescale_factor=1 / 127.5, image_mean=[1.0] * 3, image_std=[1.0] * 3
        ),
        "clip": CLIPImageProcessorPil(),
        "odd clip": CLIPImageProcessorPil(size={"shortest_edge": 231}, crop_size=odd_crop),
        "bit": BitImageProcessorPil(crop_size=odd_crop),
        "convnext": ConvNextImageProcessorPil(size={"shortest_edge": 224}, crop_pct=0.875),
        "odd convnext": ConvNextImageProcessorPil(size={"shortest_edge": 225}, crop_pct=0.9),
        "large convnext": ConvNextImageProcessorPil(size={"shortest_edge": 384}),
    }


@pytest.mark.parametrize("kind", processors())
def test_gives_transformers_samples(kind: str, pictures: list[Pixels]) -> None:
    processor = processors()[kind]
    ours = from_processor(processor)
    theirs = ProcessorTransform(processor)

    assert isinstance(ours, Preprocessing)
    for picture in pictures:
        if picture.shape[0] <= 3:
            continue  # There transformers cannot tell channels from rows.
        expected = theirs(Image.fromarray(picture))
        np.testing.assert_allclose(tensor(ours, picture), expected, rtol=1e-6, atol=2e-6)


def test_keeps_an_unusual_processor_whole(pictures: list[Pixels]) -> None:
    from transformers.models.efficientnet.image_processing_pil_efficientnet import (
        EfficientNetImageProcessorPil,
    )
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    longest = {"shortest_edge": 224, "longest_edge": 300}
    for processor in (
        EfficientNetImageProcessorPil(include_top=True),
        ViTImageProcessorPil(
            size=longest, do_center_crop=True, crop_size={"height": 8, "width": 8}
        ),
    ):
        ours = from_processor(processor)
        assert isinstance(ours, OpaquePreprocessing)
        assert type(processor).__name__.removesuffix("Pil") in ours.record()["callable"]
        expected = ProcessorTransform(processor)(Image.fromarray(pictures[0]))
        assert np.array_equal(tensor(ours, pictures[0]), expected)


def test_normalises_as_torchvision(pictures: list[Pixels]) -> None:
    from torchvision.transforms.functional import normalize, to_tensor

    batch = np.stack([USUAL.pixels(picture) for picture in pictures])
    result = normalise(torch.from_numpy(batch), USUAL)

    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    for ours, pixels in zip(result, batch, strict=True):
        assert torch.equal(ours, normalize(to_tensor(pixels), USUAL.mean, USUAL.std))


def test_leaves_its_input_alone() -> None:
    batch = torch.full((1, 2, 2, 3), 7, dtype=torch.uint8)
    normalise(batch, USUAL)
    assert (batch == 7).all()


def test_is_plain_data() -> None:
    record = USUAL.record()
    assert json.loads(json.dumps(record)) == record
    assert record["crop"] == [224, 224]
    assert pickle.loads(pickle.dumps(USUAL)) == USUAL


def to_floats(image: Image.Image) -> "torch.Tensor":
    return torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)


def to_bytes(image: Image.Image) -> "torch.Tensor":
    return torch.from_numpy(np.array(image))


def test_an_opaque_preprocessing_is_what_its_callable_gives() -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    opaque = OpaquePreprocessing(to_floats)

    assert torch.equal(tensor(opaque, picture), to_floats(Image.fromarray(picture)))
    assert opaque.record()["callable"].endswith("to_floats")
    with pytest.raises(ModelError, match=r"gave uint8 of shape \(2, 4, 3\); it must give float32"):
        OpaquePreprocessing(to_bytes).pixels(picture)


def test_a_record_holds_no_address() -> None:
    class Unnamed:
        def __call__(self, image: Image.Image) -> Any: ...

    assert " at 0x" not in OpaquePreprocessing(Unnamed()).record()["callable"]


def test_overrides() -> None:
    changed = overridden(USUAL, {"mean": 0.5, "std": (0.5,), "interpolation": "bicubic"})
    assert changed == Preprocessing(256, "bicubic", (224, 224), (0.5,) * 3, (0.5,) * 3)

    larger = overridden(USUAL, {"input_size": 288})
    assert isinstance(larger, Preprocessing)
    assert (larger.resize, larger.crop) == (329, (288, 288))

    oblong = overridden(USUAL, {"input_size": (112, 224)})
    assert isinstance(oblong, Preprocessing)
    assert (oblong.resize, oblong.crop, oblong.fit) == ((128, 256), (112, 224), "cover")
    assert oblong.pixels(np.zeros((90, 300, 3), np.uint8)).shape == (112, 224, 3)

    squashed = Preprocessing((96, 96), "box", None, (0.0,) * 3, (1.0,) * 3)
    assert overridden(squashed, {"input_size": 48}).input_size == (48, 48)
    assert overridden(USUAL, {"resize": (9, 8), "crop": 4}).input_size == (4, 4)
    assert overridden(USUAL, {}) is USUAL


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"median": 1}, "no preprocessing value 'median'; those to override: mean, std"),
        ({"mean": (1, 2)}, "mean .*give one number, or three"),
        ({"mean": float("nan")}, "mean nan: give one number"),
        ({"std": 0}, "std 0: must be above 0"),
        ({"input_size": 0}, "input_size 0: give a side of 1 to"),
        ({"interpolation": "cubic"}, "interpolation 'cubic': must be one of nearest"),
    ],
)
def test_refuses_bad_overrides(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        overridden(USUAL, overrides)


def test_refuses_to_override_code() -> None:
    with pytest.raises(UsageError, match="mean cannot be overridden"):
        overridden(OpaquePreprocessing(to_floats), {"mean": 0.5})

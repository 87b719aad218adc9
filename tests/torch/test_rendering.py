"""Batches of tensors: the very pixels of `imagenetq.render`, or one clear error."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import imagenetq
from exactness import ByOpenJpeg, random_pictures
from imagenetq.errors import EvaluationError, MissingPackage, PlatformError, UsageError
from imagenetq.specification import variants
from imagenetq.torch import engine_check, render, rendering
from imagenetq.torch.engine import TENSORS, Engine
from imagenetq.torch.original import ImageTable, Originals

NAMES = [variant.name for variant in variants()]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SHAPE = (3, 21, 34)


def batch(n: int, shape: Sequence[int] = SHAPE) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(n).integers(0, 256, (n, *shape), dtype=np.uint8))


def assert_rendered(given: Any, images: Any, names: Sequence[str], *, last: bool = False) -> None:
    """Each image is what the reference gives."""
    assert len(given) == len(images) == len(names)
    for place, (one, image, name) in enumerate(zip(given, images, names, strict=True)):
        arrays = [tensor if last else tensor.permute(1, 2, 0) for tensor in (one, image)]
        pixels, original = (array.cpu().numpy() for array in arrays)
        expected = imagenetq.render(original, name, image_id=f"id-{place}")
        np.testing.assert_array_equal(pixels, expected, err_msg=name)


def ids(n: int) -> list[str]:
    return [f"id-{place}" for place in range(n)]


@pytest.mark.parametrize("device", DEVICES)
def test_every_variant_in_one_mixed_batch(device: str) -> None:
    images = batch(len(NAMES)).to(device)
    before = images.clone()
    given = render(images, NAMES, image_ids=ids(len(NAMES)))
    assert given.device == images.device
    assert_rendered(given, images, NAMES)
    assert torch.equal(images, before)


@pytest.mark.parametrize("device", DEVICES)
def test_images_of_different_sizes(device: str) -> None:
    pictures = list(random_pictures(11, 26, largest=90))
    images = [torch.from_numpy(one).permute(2, 0, 1).to(device) for one in pictures]
    given = render(images, NAMES[::2], image_ids=ids(26))
    assert isinstance(given, list)
    assert_rendered(given, images, NAMES[::2])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("distortion", ["blur-2", "noise-40", "contrast-0.4", "jpeg-8"])
def test_one_variant_of_all(device: str, distortion: str) -> None:
    images = batch(4).to(device)
    assert_rendered(render(images, distortion, image_ids=ids(4)), images, [distortion] * 4)


SOME = ["clean", "blur-1", "jpeg-2", "jpeg2000-24"]


def test_any_memory_comes_back_as_it_was() -> None:
    images = batch(4)
    for given in (
        images,
        images.to(memory_format=torch.channels_last),
        torch.cat([images, images], 3)[..., : images.shape[3]],
        images.transpose(2, 3),
    ):
        rendered = render(given, SOME)
        assert_rendered(rendered, given, SOME)
        if given.is_contiguous():
            assert rendered.is_contiguous()
    channels_last = render(images.to(memory_format=torch.channels_last), SOME)
    assert channels_last.is_contiguous(memory_format=torch.channels_last)


def test_channels_last_and_single_images() -> None:
    images = batch(4).permute(0, 2, 3, 1)
    assert_rendered(render(images, SOME, channels="last"), images, SOME, last=True)
    one = batch(1)[0]
    assert_rendered([render(one, "jpeg-4")], [one], ["jpeg-4"])
    assert render(one, "noise-10", image_ids="id-0").shape == one.shape
    pair = render((one, one), "blur-1")
    assert isinstance(pair, tuple)


def test_settings_of_torch_change_nothing() -> None:
    images = batch(len(NAMES), (3, 17, 19))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
            inside = render(images, NAMES, image_ids=ids(len(NAMES)))
    finally:
        torch.set_default_dtype(torch.float32)
    assert_rendered(inside, images, NAMES)
    assert_rendered(render(images, NAMES, image_ids=ids(len(NAMES))), images, NAMES)


@pytest.mark.parametrize(
    ("images", "names", "message"),
    [
        (batch(2).float(), "blur-1", r"uint8, 0 to 255, not float32; distort before"),
        (batch(2).to(torch.int64), "blur-1", "not int64"),
        (batch(2, (1, 4, 4)), "blur-1", r"\(n, 3, height, width\).*not \(2, 1, 4, 4\)"),
        (batch(2, (4, 4, 4)), "blur-1", r"not \(2, 4, 4, 4\)"),
        (batch(2, (5, 6, 3)), "blur-1", r"not \(2, 5, 6, 3\); channels='last' takes this one"),
        (batch(2)[0, 0], "blur-1", r"not \(21, 34\)"),
        (batch(2)[:0], "blur-1", "holds no samples"),
        (batch(2)[..., :0], "blur-1", "holds no samples"),
        ([], "blur-1", "an empty batch"),
        ([batch(2)], "blur-1", r"shape \(3, height, width\), not \(2, 3, 21, 34\)"),
        (torch.zeros(3, 1, 16_384, dtype=torch.uint8), "blur-1", "16384 pixels; at most 16383"),
        (np.zeros((3, 4, 4), np.uint8), "blur-1", "not ndarray; imagenetq.render"),
        ({"image": batch(1)}, "blur-1", "not dict"),
        (batch(2), "blurr-1", "did you mean blur-1"),
        (batch(2), ["blur-1"], "1 variants for 2 images"),
        (batch(2), 5, "variants are texts, not 5"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8).to_sparse(), "blur-1", "dense tensors, not"),
        (batch(2), ["blur-1", "noise-10"], "noise is keyed by the image: give image_ids"),
    ],
)
def test_what_is_refused(images: Any, names: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        render(images, names)


def test_wrong_ids_and_channels_are_refused() -> None:
    with pytest.raises(UsageError, match="1 image_ids for 2 images"):
        render(batch(2), "noise-10", image_ids="one")
    with pytest.raises(UsageError, match="image_ids are texts, not 5"):
        render(batch(2), "noise-10", image_ids=[5, "b"])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="channels are 'first' or 'last', not 'middle'"):
        render(batch(2), "jpeg-2", channels="middle")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="lie on cpu and meta"):
        render([batch(1)[0], batch(1)[0].to("meta")], "blur-1")


@pytest.mark.parametrize("samples_at_once", [2**20, 2 * 21 * 34 * 3])
def test_what_an_engine_renders_together(
    monkeypatch: pytest.MonkeyPatch, samples_at_once: int
) -> None:
    rendered: list[tuple[str, int]] = []

    def watched(name: str) -> Any:
        def render_each(originals: Originals, values: Any, out: ImageTable) -> None:
            rendered.append((name, len(values)))
            TENSORS.distortions[name](originals, values, out)

        return render_each

    distortions = {name: watched(name) for name in TENSORS.distortions}
    engine = replace(TENSORS, samples_at_once=samples_at_once, distortions=distortions)
    monkeypatch.setattr(rendering, "trusted_engine", lambda _: engine)
    names = ["noise-10", "contrast-0.2", "blur-1", "noise-90", "clean", "noise-40", "jpeg2000-30"]
    images = batch(7)
    assert_rendered(render(images, names, image_ids=ids(7)), images, names)
    noise = [3] if samples_at_once == 2**20 else [2, 1]
    assert rendered == [*(("noise", n) for n in noise), ("contrast", 1), ("blur", 1)]
    sizes = [batch(1, shape)[0] for shape in ((3, 5, 7), (3, 90, 80), (3, 7, 5))]
    assert_rendered(render(sizes, "contrast-0.3"), sizes, ["contrast-0.3"] * 3)


def test_what_an_engine_has_not_the_reference_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = replace(TENSORS, distortions={"blur": TENSORS.distortions["blur"]})
    monkeypatch.setattr(rendering, "trusted_engine", lambda _: engine)
    names = ["noise-10", "blur-2", "jpeg-6", "jpeg2000-26"]
    images = batch(4)
    assert_rendered(render(images, names, image_ids=ids(4)), images, names)


def test_an_engine_is_checked_with_several_images_at_once() -> None:
    def first_of_all(originals: Originals, values: Any, out: ImageTable) -> None:
        TENSORS.distortions["contrast"](originals, np.tile(values[:1], (len(values), 1)), out)
        if len(values) > 1:
            out.images(1)[:] = 0

    engine = replace(TENSORS, distortions={"contrast": first_of_all})
    found = engine_check.difference(engine, torch.device("cpu"))
    assert found == "contrast-1.0 is another on cpu than on the CPU"


@pytest.fixture
def forgotten() -> Any:
    """Devices are trusted and refused anew."""
    rendering.trusted_engine.cache_clear()
    yield
    rendering.trusted_engine.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_a_device_that_cannot_render_is_named() -> None:
    with pytest.raises(PlatformError, match=r"rendering on meta fails .*give tensors on the CPU"):
        render(batch(2).to("meta"), "blur-1")


@pytest.mark.usefixtures("forgotten")
def test_a_gpu_without_triton_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "find_spec", lambda _: None)
    with pytest.raises(MissingPackage, match=r"cuda:0 needs Triton, .* pip install triton"):
        rendering.trusted_engine(torch.device("cuda:0"))


@pytest.mark.usefixtures("forgotten")
def test_a_device_of_other_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "render", lambda *_: [torch.zeros(60, 1, 1, 3)] * 4)
    with pytest.raises(PlatformError, match="clean is another on meta than on the CPU"):
        render(batch(2).to("meta"), "blur-1")


LEVELS = [name for name in NAMES if name.startswith("jpeg2000")]


@pytest.mark.parametrize(
    ("pixels_at_once", "groups"), [(10**6, [11]), (2 * 21 * 34, [2] * 5 + [1])]
)
def test_jpeg2000_in_groups(
    monkeypatch: pytest.MonkeyPatch, pixels_at_once: int, groups: list[int]
) -> None:
    renderer = ByOpenJpeg(pixels_at_once)
    monkeypatch.setattr(rendering, "jpeg2000_on", lambda _: renderer)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: torch.cpu.current_stream())
    monkeypatch.setattr(torch.cpu.Stream, "synchronize", lambda _: None, raising=False)
    images = batch(11)
    assert_rendered(render(images, LEVELS[::-1]), images, LEVELS[::-1])
    assert renderer.groups == groups
    too_small = ByOpenJpeg(100, most_pixels=100)
    monkeypatch.setattr(rendering, "jpeg2000_on", lambda _: too_small)
    assert_rendered(render(images, LEVELS), images, LEVELS)
    assert too_small.groups == []
    disowned = ByOpenJpeg(10**6, faults=1)
    monkeypatch.setattr(rendering, "jpeg2000_on", lambda _: disowned)
    with pytest.raises(EvaluationError, match="bit planes"):
        render(images, "jpeg2000-30")

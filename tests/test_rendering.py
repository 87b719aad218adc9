import numpy as np
import pytest
from PIL import Image

from imagenetq.distortions import DISTORTIONS, Undistorted
from imagenetq.distortions import jpeg2000 as jpeg2000_module
from imagenetq.distortions import noise as noise_module
from imagenetq.errors import UsageError
from imagenetq.rendering import render, render_ladder
from imagenetq.specification import LADDERS, variant, variants

PIXELS = np.random.default_rng(0).integers(0, 256, (21, 34, 3), dtype=np.uint8)
IMAGE = Image.fromarray(PIXELS)


def test_array_in_array_out():
    result = render(PIXELS, "blur-2")
    assert isinstance(result, np.ndarray)
    assert (result.shape, result.dtype) == (PIXELS.shape, np.uint8)


def test_pillow_in_pillow_out():
    result = render(IMAGE, "blur-2")
    assert isinstance(result, Image.Image)
    assert (result.mode, result.size) == ("RGB", IMAGE.size)
    assert np.array_equal(np.asarray(result), render(PIXELS, "blur-2"))


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA"])
def test_pillow_images_are_converted(mode):
    image = IMAGE.convert(mode)
    expected = render(np.asarray(image.convert("RGB")), "jpeg-8")
    assert np.array_equal(np.asarray(render(image, "jpeg-8")), expected)


def test_ladder_comes_in_order_with_everything():
    rendered = list(render_ladder(PIXELS, image_id="x"))
    assert [each.variant for each in rendered] == list(variants())
    for each in rendered:
        assert each.pixels.shape == PIXELS.shape
        assert each.pixels.dtype == np.uint8
        compressed = each.variant.distortion in ("jpeg", "jpeg2000")
        assert (each.codestream is not None) == compressed


@pytest.mark.parametrize("name", [v.name for v in variants()])
def test_alone_is_as_in_the_ladder(name):
    by_name = {each.variant.name: each.pixels for each in render_ladder(PIXELS, image_id="x")}
    assert np.array_equal(render(PIXELS, name, image_id="x"), by_name[name])


def test_ladder_is_what_the_distortions_compute():
    by_name = {each.variant.name: each.pixels for each in render_ladder(PIXELS, image_id="x")}
    assert np.array_equal(by_name["clean"], PIXELS)
    for rungs in LADDERS:
        results = DISTORTIONS[rungs.distortion](Undistorted(PIXELS, "x"), rungs.values)
        for value, result in zip(rungs.values, results, strict=True):
            assert np.array_equal(by_name[f"{rungs.distortion}-{value}"], result.pixels)


def test_only_some_come_in_ladder_order_each_once():
    names = ["jpeg2000-30", "jpeg-10", "clean", "blur-9", "blur-1", "jpeg-10"]
    rendered = list(render_ladder(PIXELS, only=[variant(name) for name in names]))
    found = [each.variant.name for each in rendered]
    assert found == ["clean", "blur-1", "blur-9", "jpeg-10", "jpeg2000-30"]


def test_only_nothing_renders_nothing():
    assert list(render_ladder(PIXELS, only=[])) == []


def test_ladder_shares_its_work(monkeypatch):
    calls = []
    encode, noise_field = jpeg2000_module.LayeredCodestream.encode, noise_module.noise_field

    def counted_encode(image):
        calls.append("encode")
        return encode(image)

    def counted_field(*arguments):
        calls.append("field")
        return noise_field(*arguments)

    monkeypatch.setattr(jpeg2000_module.LayeredCodestream, "encode", counted_encode)
    monkeypatch.setattr(noise_module, "noise_field", counted_field)
    assert len(list(render_ladder(PIXELS, image_id="x"))) == 52
    assert sorted(calls) == ["encode", "field"]


def test_only_noise_needs_an_id():
    for each in variants():
        if each.distortion != "noise":
            render(PIXELS, each.name)
    with pytest.raises(UsageError, match="image_id"):
        render(PIXELS, "noise-10")


def test_an_id_of_no_characters_is_refused_in_one_line():
    image_id = "a\udcff"
    with pytest.raises(UsageError, match="cannot key noise: it holds what is no char") as caught:
        render(PIXELS, "noise-10", image_id=image_id)
    assert str(caught.value).isprintable()
    assert len(list(render_ladder(PIXELS, image_id=image_id, only=[variant("blur-1")]))) == 1


def test_unknown_variant_is_refused():
    with pytest.raises(UsageError, match="jpeg-10"):
        render(PIXELS, "jpg-10")


@pytest.mark.parametrize(
    "array",
    [
        PIXELS[..., 0],
        PIXELS[..., :2],
        np.zeros((4, 4, 4), np.uint8),
        PIXELS.astype(np.float32) / 255,
        PIXELS.astype(np.int64),
        PIXELS[None],
        PIXELS[:0],
        np.zeros((3, 0, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_other_arrays_are_refused(array):
    with pytest.raises(UsageError, match="uint8 array of shape"):
        render(array, "blur-1")


def test_any_memory_layout_will_do():
    for turned in (np.asfortranarray(PIXELS), PIXELS[::-1][::-1], PIXELS.repeat(2, 1)[:, ::2]):
        for name in ("blur-1", "noise-50", "contrast-0.5", "jpeg-10", "jpeg2000-30"):
            expected = render(PIXELS, name, image_id="x")
            assert np.array_equal(render(turned, name, image_id="x"), expected)


def test_input_is_left_alone():
    before = PIXELS.copy()
    list(render_ladder(PIXELS, image_id="x"))
    assert np.array_equal(PIXELS, before)


def test_read_only_input_will_do():
    frozen = PIXELS.copy()
    frozen.setflags(write=False)
    assert len(list(render_ladder(frozen, image_id="x"))) == 52

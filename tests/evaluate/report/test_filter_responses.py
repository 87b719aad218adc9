"""Figure 4: the same channels and one scale for clean, blurred and noisy."""

import numpy as np
import pytest

from imagenetq.errors import EntryError
from imagenetq.evaluate import LoadOptions, load_model
from imagenetq.evaluate.report.activations import responses
from imagenetq.evaluate.report.filter_responses import FIGURE4, figure4, liveliest, mosaic
from imagenetq.evaluate.report.pictures import Picture, choose_image, pictures_of_source


@pytest.fixture(scope="module")
def picture(pictures):
    return pictures("chelsea", FIGURE4)


def maps_and_pictures(figure):
    held = [panel.get_images()[0] for panel in figure.axes if panel.get_images()]
    seen = [image for image in held if image.get_array().ndim == 3]
    return [image for image in held if image.get_array().ndim == 2], seen


def test_maps_are_the_responses_on_one_scale(tiny, picture, results):
    figure = figure4(tiny, picture, result=results[0])
    maps, seen = maps_and_pictures(figure)
    (layer,) = responses(tiny, [picture.pixels[name] for name in FIGURE4])
    assert len(maps) == len(seen) == 3
    for number, (drawn, image) in enumerate(zip(maps, seen, strict=True)):
        expected = mosaic(layer.maps[number])
        assert np.array_equal(drawn.get_array().filled(np.nan), expected, equal_nan=True)
        as_seen = tiny.preprocessing.pixels(picture.pixels[FIGURE4[number]])
        assert np.array_equal(image.get_array(), as_seen)
    low, high = np.percentile(layer.maps, (1, 99))
    assert {drawn.get_clim() for drawn in maps} == {(float(low), float(high))}
    texts = [text.get_text() for text in figure.texts]
    assert "0: 8 of 8 maps, 6 × 6 pixels each" in texts  # noqa: RUF001
    answered = [text for text in texts if text.startswith(("✓", "✗"))]
    assert len(answered) == 3


def test_the_liveliest_in_any_picture_are_shown_in_order():
    maps = np.zeros((3, 5, 4, 4), np.float32)
    maps[0, 3, 0, 0] = 9
    maps[2, 1, 0, 0] = 5
    maps[1, 4, 0, 0] = 7
    assert liveliest(maps, 3).tolist() == [1, 3, 4]
    assert liveliest(maps, 2).tolist() == [3, 4]
    assert liveliest(maps).tolist() == [0, 1, 2, 3, 4]


def test_a_mosaic_holds_every_map_whole():
    maps = np.arange(5 * 48 * 40, dtype=np.float32).reshape(5, 48, 40)
    sheet = mosaic(maps)
    assert sheet.shape == (2 * 48 + 2, 3 * 40 + 4)
    assert np.array_equal(sheet[:48, :40], maps[0])
    assert np.array_equal(sheet[-48:, 42:82], maps[4])
    assert np.isnan(sheet).sum() == sheet.size - maps.size


def test_an_answer_belongs_to_the_picture(tiny, picture, results):
    with pytest.raises(EntryError, match="another class or size"):
        figure4(tiny, Picture("chelsea", 7, picture.pixels), result=results[0])


def test_a_real_network(real_file, real_result, imagenet_sample):
    from imagenetq.builder import open_source

    model = load_model("torchvision/squeezenet1_0", LoadOptions(weights=real_file))
    image_id = choose_image([real_result])
    picture = pictures_of_source(open_source(str(imagenet_sample)))(image_id, FIGURE4)
    for columns in (1, 2):
        figure = figure4(model, picture, result=real_result, columns=columns)
        maps, _ = maps_and_pictures(figure)
        assert len(maps) == 6
        assert len({drawn.get_clim() for drawn in maps}) == 2
    texts = [text.get_text() for text in figure.texts]
    assert "features.0: 16 of 96 maps, 109 × 109 pixels each" in texts  # noqa: RUF001
    assert "classifier.1: 16 of 1000 maps, 13 × 13 pixels each" in texts  # noqa: RUF001

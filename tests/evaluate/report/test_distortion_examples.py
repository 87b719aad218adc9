"""Figures 1 and 3 show the right pixels, and under them what the predictions hold."""

import numpy as np
import pytest

from fake_predictions import result
from imagenetq.errors import EntryError
from imagenetq.evaluate.report.distortion_examples import (
    FIGURE1,
    figure1,
    figure1_variants,
    figure3,
    figure3_levels,
)
from imagenetq.evaluate.report.pictures import Picture, answer_to
from imagenetq.evaluate.results.names import class_word
from imagenetq.specification import LADDERS, scored_variants

IN_LADDER_ORDER = ("clean", "blur-2", "noise-50", "contrast-0.5", "jpeg-10", "jpeg2000-28")


def texts(figure):
    return [text.get_text() for text in figure.texts]


@pytest.fixture(scope="module")
def picture(pictures, results) -> Picture:
    levels = figure3_levels(results)
    return pictures("chelsea", [*FIGURE1, *(name for names in levels.values() for name in names)])


def test_figure_1_shows_what_the_papers_does(results, picture):
    figure = figure1(results, picture)
    assert texts(figure)[0] == "original"
    assert figure1_variants(results) == list(FIGURE1)
    drawn = [panel.get_images()[0].get_array() for panel in figure.axes]
    assert len(drawn) == len(FIGURE1)
    for name, shown in zip(FIGURE1, drawn, strict=True):
        # Shrunk to the print by averaging, so its mean colour is the original's.
        whole = picture.pixels[name].mean(axis=(0, 1))
        assert np.allclose(np.asarray(shown).mean(axis=(0, 1)), whole, atol=1.0), name


def test_under_each_tile_stand_the_answers(results, picture):
    found = texts(figure1(results, picture))
    at = 0
    for name in FIGURE1:
        at += 1
        for letter, held in zip("AB", results, strict=True):
            answer = answer_to(held.predictions, "chelsea", name)
            mark = "✓" if answer.is_right else "✗"
            confidence = f"{answer.confidence:.2f}"
            line = [letter, mark, confidence, class_word(answer.label)]
            assert found[at : at + 3] == line[:3]
            assert class_word(answer.label).startswith(found[at + 3].rstrip("…"))
            at += 4
    assert found[at] == "A  python/tiny_models:tiny     B  baseline/nearest"
    assert found[at + 1].startswith("True class: tabby. ✓ right, ✗ wrong")


def test_right_and_wrong_differ_by_more_than_colour(results, picture):
    figure = figure3(results, picture)
    colours = {}
    for text in figure.texts:
        if text.get_text() in "✓✗":
            colours.setdefault(text.get_text(), set()).add(text.get_color())
    assert sorted(colours) == sorted("✓✗")
    assert colours["✓"].isdisjoint(colours["✗"])


def test_figure_3_has_four_scored_levels_of_each_distortion(results, picture):
    levels = figure3_levels(results)
    scored = [v.name for v in scored_variants()]
    for ladder in LADDERS:
        names = levels[ladder.distortion]
        of_this = [name for name in scored if name.startswith(f"{ladder.distortion}-")]
        assert len(names) == 4
        assert (names[0], names[-1]) == (of_this[0], of_this[-1])
        assert names == sorted(names, key=scored.index)
    figure = figure3(results, picture)
    assert len(figure.axes) == 20
    titles = {"Blur", "Noise", "Contrast", "JPEG", "JPEG 2000", "sigma 4 px", "26 dB"}
    assert titles <= set(texts(figure))


def test_levels_that_were_not_evaluated_are_left_out():
    assert figure3_levels([result(2, ("clean", "blur-3", "jpeg-2"))]) == {
        "blur": ["blur-3"],
        "jpeg": ["jpeg-2"],
    }
    assert figure1_variants([result(2, ("clean", "jpeg-10"))]) == ["clean", "jpeg-10"]
    assert figure3_levels([result(2, ("clean", "contrast-0.0", "contrast-1.0"))]) == {}


def test_a_network_that_was_not_evaluated_there_says_so():
    only = result(3, ("clean", "jpeg-10")).predictions
    image_id = only.image_ids[0]
    side = int(only.short_sides[0])
    pixels = {name: np.zeros((side, side, 3), np.uint8) for name in FIGURE1}
    picture = Picture(image_id, int(only.labels[0]), pixels)
    both = [result(3, IN_LADDER_ORDER), result(3, ("clean", "jpeg-10"))]
    assert "not evaluated" in texts(figure1(both, picture))


def test_one_network_needs_no_letter_and_one_column_no_class(results, picture):
    assert "A" not in texts(figure1(results[:1], picture))
    narrow = texts(figure3(results, picture, columns=1))
    assert not any(class_word(label) in narrow for label in range(1000))
    assert figure3(results, picture, columns=1).get_figwidth() == 3.5
    assert len(figure1(results, picture, columns=1).axes) == 6


def test_refusals(results, picture):
    with pytest.raises(EntryError, match="hold no distorted variant"):
        figure3([result(2, ("clean",))], picture)
    wrong = Picture("chelsea", 7, picture.pixels)
    with pytest.raises(EntryError, match="another class or size"):
        figure1(results, wrong)

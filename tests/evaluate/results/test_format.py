"""Numbers in words: one way for tables, figures, pages and sentences."""

import pytest

from imagenetq.entry_scores import Crossing, Estimate, Proportion
from imagenetq.evaluate.results import format as numbers
from imagenetq.specification import ladder


def estimate(value: float, *ends: float) -> Estimate:
    low, high = ends or (None, None)
    return Estimate(value=value, standard_error=0.1 if ends else None, low=low, high=high)


def test_shares_are_in_per_cent_and_never_a_negative_zero():
    assert [numbers.percent(share) for share in (0.5, 1, 0, -0.0001, -0.123)] == [
        *("50.0", "100.0", "0.0", "0.0", "-12.3")
    ]
    assert numbers.in_percent(Proportion(value=0.713, low=0.7, high=0.725)) == (
        "71.3 % (70.0 to 72.5)"
    )
    assert numbers.in_percent(estimate(0.5)) == "50.0 %"
    assert numbers.in_percent(None) == numbers.in_points(None) == numbers.MISSING


def test_differences_have_a_sign_and_a_star_where_they_are_more_than_chance():
    assert numbers.in_points(estimate(0.012, 0.004, 0.02), 0.04) == "+1.2* points (+0.4 to +2.0)"
    assert numbers.in_points(estimate(-0.012), 0.05) == "-1.2 points"


def test_intervals_can_be_written_in_other_units_and_with_a_dash():
    assert numbers.with_interval(estimate(0.5, 0.25, 0.75), numbers.coefficient, to="/") == (
        "0.50 (0.25/0.75)"
    )
    assert numbers.interval(None, 0.5) == ""
    assert numbers.interval(0.3, 0.5) == "30.0 to 50.0"


@pytest.mark.parametrize(
    ("distortion", "crossing", "phrase", "cell"),
    [
        ("blur", Crossing(place="on the ladder", value=2.5), "sigma 2.5", "2.5"),
        ("blur", Crossing(place="beyond the last", value=None), "beyond the last, sigma 9", "up"),
        ("jpeg", Crossing(place="below the first", value=None), "below the first, quality 20", ""),
        ("contrast", Crossing(place="beyond the last", value=None), "factor 0.1", "down"),
    ],
)
def test_crossings(distortion, crossing, phrase, cell):
    known = ladder(distortion)
    assert numbers.crossing_phrase(crossing, known).endswith(phrase)
    expected = {"up": "not up to 9", "down": "not down to 0.1", "": "milder than 20"}
    assert numbers.crossing_cell(crossing, known) == expected.get(cell, cell)


def test_large_numbers_are_said_as_people_say_them():
    counts = (0, 999_999, 1_248_424, 138_357_544, 999_900_000, 7_241_000_000)
    assert [numbers.parameters(count) for count in counts] == [
        *("0", "999,999", "1.25 million", "138 million", "1,000 million", "7,241 million")
    ]
    assert numbers.parameters(25_557_032, "M") == "25.6 M"
    assert numbers.input_size(None) == "varies"
    assert numbers.input_size((224, 192), "x") == "224x192"
    assert [numbers.span(2, 3), numbers.span(2, 2)] == ["2 to 3", "2"]
    assert numbers.p_value(0.01234) == "0.012"

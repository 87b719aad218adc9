import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagenetq.evaluate.leaderboard.site.packed_numbers import MOST, packed
from site_data import unpacked


@given(st.lists(st.integers(0, MOST)))
def test_numbers_come_back_from_two_characters_each(numbers):
    text = packed(numbers)
    assert len(json.dumps(text)) == 2 + 2 * len(numbers)
    assert unpacked(text) == numbers


@pytest.mark.parametrize("number", [MOST + 1, 10**9])
def test_greater_numbers_are_refused(number):
    with pytest.raises(IndexError):
        packed([number])

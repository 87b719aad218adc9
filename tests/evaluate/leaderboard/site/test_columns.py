import json

from hypothesis import given
from hypothesis import strategies as st

from imagenetq.evaluate.leaderboard.site.columns import columns
from site_data import rows

VALUES = st.sampled_from([None, True, 0, 1, 1.5, "", "a", "true", [], [0, 1], {"a": None}])


@given(st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES})))
def test_rows_come_back(given_rows):
    assert [json.dumps(row, sort_keys=True) for row in rows(columns(given_rows))] == [
        json.dumps(row, sort_keys=True) for row in given_rows
    ]


def test_what_many_rows_share_is_written_once():
    long = "a text that many share"
    held = columns([{"shared": long, "own": number} for number in range(9)])
    assert held == {"shared": {"values": [long], "places": [0] * 9}, "own": list(range(9))}

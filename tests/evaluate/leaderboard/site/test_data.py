import json
import math
import re

import pytest

from imagenetq.evaluate.leaderboard.site import Board
from imagenetq.evaluate.leaderboard.site.data import STEPS, board_script, pairs_data, pairs_script
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, paired_of, ranks
from site_entries import HOSTILE, many, result, standing


def parsed(script: str) -> object:
    return json.loads(re.fullmatch(r"window\.imagenetq_\w+=(.*);\n", script)[1])


def test_the_script_holds_the_entries_in_table_order():
    board = Board(
        (
            standing("weak", result(0.4)),
            standing("demo", result(0.99), is_registered=False),
            standing("strong", result(0.9)),
        )
    )
    data = parsed(board_script(board, ranks(board)))
    assert [entry["name"] for entry in data["entries"]] == ["strong", "weak", "demo"]
    assert [entry["rank"] for entry in data["entries"]] == [1, 2, None]
    assert [section["kind"] for section in data["sections"]] == ["ranked", "demonstration"]
    strong = data["entries"][0]
    held = board.ordered[0].entry
    assert strong["values"][0] == pytest.approx(held.scores.score.value, abs=1e-5)
    assert strong["top1"] == [counts.correct_top1 for counts in held.variants.values()]
    assert len(data["paper"]["curves"]) == 40


def test_no_text_can_end_the_script():
    board = Board((standing("hostile", result(model=HOSTILE), title=HOSTILE),))
    script = board_script(board, ranks(board))
    assert not set("<>&") & set(script)
    assert script.isascii()
    assert parsed(script)["entries"][0]["title"] == HOSTILE


def test_the_steps_of_pairs_give_their_errors_back_never_too_small():
    board = many(9)
    (group,) = pairs_data(board)
    assert group["entries"] == list(range(9))
    paired = paired_of(board.ordered)
    for measure in MEASURES:
        held = group["measures"][measure]
        width = (held["to"] - held["from"]) / (len(STEPS) - 1)
        assert len(held["steps"]) == 36
        for high in range(9):
            for low in range(high):
                step = STEPS.index(held["steps"][high * (high - 1) // 2 + low])
                alone = math.hypot(*paired.alone[measure][[high, low]])
                error, exact = alone * (held["from"] + step * width), paired.errors[measure]
                assert exact[high, low] - 2e-5 <= error <= exact[high, low] + alone * width + 2e-5


def test_equal_entries_do_not_differ():
    board = Board((standing("a", result()), standing("b", result()), standing("c", result(0.2))))
    (group,) = pairs_data(board)
    assert group["measures"]["score"]["from"] == 0
    assert set(STEPS).isdisjoint("\"'\\<>&`")
    assert not set("<>&") & set(pairs_script(board))


def test_what_was_not_evaluated_is_absent():
    names = ("clean", "blur-1")
    from fake_predictions import result as partial

    board = Board((standing("part", partial(20, names), unranked="not all variants"),))
    (entry,) = parsed(board_script(board, {}))["entries"]
    assert entry["values"][0] is None
    assert entry["values"][2] is not None
    assert entry["top1"].count(None) == 50
    assert pairs_data(board) == []

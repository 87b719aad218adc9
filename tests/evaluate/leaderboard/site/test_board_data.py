import math

import pytest

from imagenetq.evaluate.leaderboard.site import Board
from imagenetq.evaluate.leaderboard.site.board_data import LEVELS, board_data, pairs_data, scripts
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, paired_of, ranks
from site_data import parsed
from site_entries import HOSTILE, many, result, standing


def entries(board: Board) -> list[dict[str, object]]:
    return parsed(scripts(board, ranks(board))["board.js"])["entries"]


def test_the_script_holds_the_entries_in_table_order():
    board = Board(
        (
            standing("weak", result(0.4)),
            standing("demo", result(0.99), is_registered=False),
            standing("strong", result(0.9)),
        )
    )
    data = board_data(board, ranks(board))
    held = entries(board)
    assert [entry["name"] for entry in held] == ["strong", "weak", "demo"]
    assert [entry["rank"] for entry in held] == [1, 2, None]
    assert [section["kind"] for section in data["sections"]] == ["ranked", "demonstration"]
    entry = board.ordered[0].entry
    assert held[0]["values"][0] == pytest.approx(entry.scores.score.value, abs=5e-6)
    assert held[0]["top1"] == [counts.correct_top1 for counts in entry.variants.values()]
    assert len(data["paper"]["curves"]) == 40


def test_no_text_can_end_a_script():
    said = {"notes": HOSTILE, "training_data": HOSTILE}
    board = Board((standing("hostile", result(model=HOSTILE), title=HOSTILE, **said),))
    for script in scripts(board, ranks(board)).values():
        assert not set("<>&") & set(script)
        assert script.isascii()
    assert entries(board)[0]["title"] == HOSTILE


def test_the_steps_of_pairs_give_their_errors_back_never_too_small():
    board = many(9)
    (group,) = pairs_data(board)["groups"]
    assert group["entries"] == list(range(9))
    paired = paired_of(board.ordered)
    for measure in MEASURES:
        steps = group["steps"][measure]
        assert len(steps) == 9 * 8 // 2
        for high in range(9):
            for low in range(high):
                step = steps[high * (high - 1) // 2 + low]
                alone = math.hypot(*paired.alone[measure][[high, low]])
                error, exact = alone * step / LEVELS, paired.errors[measure][high, low]
                assert exact - 2e-5 <= error <= exact + alone / LEVELS + 2e-5


def test_equal_entries_do_not_differ():
    board = Board((standing("a", result()), standing("b", result()), standing("c", result(0.2))))
    (group,) = pairs_data(board)["groups"]
    assert group["steps"]["score"][0] == 0


def test_what_was_not_evaluated_is_absent():
    names = ("clean", "blur-1")
    from fake_predictions import result as partial

    board = Board((standing("part", partial(20, names), unranked="not all variants"),))
    (entry,) = entries(board)
    assert entry["values"][0] is None
    assert entry["values"][2] is not None
    assert entry["top1"].count(None) == 50
    assert pairs_data(board)["groups"] == []

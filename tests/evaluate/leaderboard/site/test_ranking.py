import numpy as np
import pytest

from imagenetq.evaluate.leaderboard.site import Board
from imagenetq.evaluate.leaderboard.site.ranking import MEASURES, groups, paired_of, ranks
from imagenetq.evaluate.results.comparison import compare
from imagenetq.specification import LADDERS
from site_entries import many, result, standing


def test_all_pairs_at_once_give_what_each_comparison_gives():
    results = [result(strength, 50, seed) for seed, strength in enumerate((0.9, 0.7, 0.5))]
    standings = [standing(f"n{place}", held) for place, held in enumerate(results)]
    paired = paired_of(standings)
    for one in range(3):
        for other in range(3):
            comparison = compare(results[one], results[other])
            expected = {
                "score": comparison.score,
                "relative": comparison.relative_score,
                "clean": comparison.variants["clean"].difference,
                **{
                    ladder.distortion: comparison.distortions[ladder.distortion]
                    for ladder in LADDERS
                },
            }
            for measure in MEASURES:
                error = expected[measure].standard_error
                assert paired.errors[measure][one, other] == pytest.approx(error, abs=1e-9)
    for place, held in enumerate(results):
        alone = held.entry.scores.score.standard_error
        assert paired.alone["score"][place] == pytest.approx(alone, abs=1e-9)


def test_a_rank_is_one_more_than_the_number_of_significantly_better_entries():
    board = many(12, 60)
    found = ranks(board)
    results = {f"network-{p}": s for p, s in enumerate(board.standings)}
    assert found["network-0"].rank == 1
    assert found["network-11"].rank > 6
    assert {held.pairing for held in found.values()} == {"paired"}
    # Equal entries share a rank, and so do those that chance could have ordered otherwise.
    twins = Board((*board.standings[:1], standing("twin", result(0.95, 60, 0))))
    assert {held.rank for held in ranks(twins).values()} == {1}
    assert len(results) == 12


def test_entries_without_predictions_are_compared_unpaired():
    strong, weak = result(0.95, 60, 1), result(0.3, 60, 2)
    board = Board((standing("a", strong), standing("b", weak, at_hand=False)))
    assert groups(board.ordered) == []
    found = ranks(board)
    assert [found[name].rank for name in "ab"] == [1, 2]
    assert {held.pairing for held in found.values()} == {"unpaired"}
    three = Board((*board.standings, standing("c", result(0.5, 60, 3))))
    assert ranks(three)["c"].pairing == "mixed"


def test_other_images_and_other_datasets_are_not_paired():
    board = Board(
        (
            standing("a", result(0.9, 60)),
            standing("b", result(0.9, 59)),
            standing("c", result(0.9, 60, subset="mini")),
        )
    )
    assert groups(board.ordered) == []
    assert {held.rank for held in ranks(board).values()} == {1}


def test_nothing_is_significant_from_one_image_and_no_relative_score_without_clean_answers():
    one = Board((standing("a", result(1, 1)), standing("b", result(0, 1, 3))))
    assert {held.rank for held in ranks(one).values()} == {1}
    blind = [standing("a", result(0.9, 20)), standing("b", result(0, 20))]
    errors = paired_of(blind).errors
    assert np.isnan(errors["relative"][0, 1])
    assert errors["score"][0, 1] > 0


def test_only_ranked_entries_have_ranks():
    board = Board(
        (
            standing("a", result(0.5)),
            standing("b", result(0.9), unranked="computed in bf16"),
            standing("c", result(0.9), is_registered=False),
        )
    )
    assert set(ranks(board)) == {"a"}

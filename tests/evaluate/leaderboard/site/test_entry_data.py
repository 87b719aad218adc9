import json

import pytest

from imagenetq.entry_scores import VariantScores
from imagenetq.evaluate.leaderboard.site import Board
from imagenetq.evaluate.leaderboard.site.board_data import scripts
from imagenetq.evaluate.leaderboard.site.entry_data import is_web_link, record
from imagenetq.evaluate.leaderboard.site.ranking import ranks
from imagenetq.evaluate.results import Result
from imagenetq.evaluate.results.labels import Labels, with_labels
from site_data import parsed
from site_entries import result, standing


def test_a_record_holds_everything_recorded():
    held = standing("good", result(0.9), title="Good One")
    entry = held.entry
    told = record(held, ranks(Board((held,)))["good"])
    text = json.dumps(told)
    recorded = [
        "Rank 1 in ImageNet-Q 1.0.0",
        entry.model.weights_sha256,
        entry.specification_digest,
        entry.source_digest,
        entry.predictions_sha256,
        '["resize", "256"]',
        '["Pillow", "12.1.0"]',
        '["device", "a device"]',
        "ImageNet-1k",
        "--model timm/made_up --model-arg pad_type=same --mean=0.485,0.456,0.406 "
        "--input-size=224,224 --source IMAGENET --subset full",
    ]
    assert [words for words in recorded if words not in text] == []
    assert told["link"] == {"text": "https://example.org/model", "is_link": True}
    assert told["paper"] == {"text": "none", "is_link": False}


def test_thousandths_say_what_was_not_measured():
    held = standing("good", result(0.9))
    scores: VariantScores = held.entry.scores.variants["blur-3"]
    numbers = record(held, None)["confidence"]
    assert len(numbers) == 52
    place = list(held.entry.variants).index("blur-3")
    assert numbers[place] == pytest.approx(scores.true_confidence.value, abs=5e-4)


def test_records_stand_in_table_order():
    weak, strong = standing("weak", result(0.3)), standing("strong", result(0.9))
    board = Board((weak, strong))
    records = parsed(scripts(board, ranks(board))["records.js"])
    assert [held["predictions"] for held in records] == [
        strong.entry.predictions_sha256,
        weak.entry.predictions_sha256,
    ]


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://example.org/a?b=c", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https:", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_web_become_links(address, is_link):
    assert is_web_link(address) is is_link


def test_accuracies_by_other_labels_stand_beside_the_own(tmp_path):
    made = result(0.9)
    ids = made.predictions.image_ids
    (tmp_path / "real.json").write_text(json.dumps({image_id: [7] for image_id in ids[:10]}))
    scores = Labels.read(tmp_path / "real.json").of(made.predictions).scores()
    (told,) = record(
        standing("good", Result(with_labels(made.entry, scores), made.predictions)), None
    )["other_labels"]
    assert (told["name"], told["images"], told["unlabelled"]) == ("real.json", "10", "30")
    title, own, other = told["rows"][0]
    assert title == "Clean top-1"
    assert own.startswith(f"{100 * scores.own.variants['clean'].value:.1f} (")
    assert other.startswith(f"{100 * scores.other.variants['clean'].value:.1f} (")
    assert len(told["rows"]) == 7

"""What submitters say is data: bounded, printable, and never a path or a script."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_entries import submission
from imagenetq.errors import EntryError, UsageError
from imagenetq.evaluate.leaderboard.entry.submission import (
    MAX_FOLDER,
    Place,
    folder_name_of,
    is_folder_name,
    read_submission,
)

PLACE = {"repository": "org/p", "revision": "a" * 40, "path": "made-up/predictions.parquet"}


def test_round_trip(tmp_path):
    told = submission(name="<b>Ü & co</b>", predictions=Place(**PLACE))
    path = tmp_path / "submission.json"
    path.write_text(told.to_json())
    assert read_submission(path) == told
    assert json.loads(told.to_json())["name"] == "<b>Ü & co</b>"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " a"),
        ("name", "a\nb"),
        ("name", "a\u202eb"),
        ("name", "x" * 101),
        ("training_data", ""),
        ("notes", "\x1b[2J"),
        ("notes", "x" * 1001),
        ("link", "javascript:alert(1)"),
        ("link", "http://example.org"),
        ("link", 'https://example.org/"onclick="x'),
        ("link", "https://example.org/<script>"),
        ("link", "https://example.org/a b"),
        ("link", "https://user@example.org/"),
        ("link", "https://example.org/\n"),
        ("link", "https://"),
        ("paper", "doi:10.1/2"),
        ("more", 1),
        ("format_version", 2),
        ("predictions", PLACE | {"repository": "../p"}),
        ("predictions", PLACE | {"repository": "org/p/q"}),
        ("predictions", PLACE | {"revision": "main"}),
        ("predictions", PLACE | {"path": "../../etc/passwd"}),
        ("predictions", PLACE | {"path": "/etc/passwd"}),
        ("predictions", PLACE | {"path": "a//b"}),
        ("predictions", PLACE | {"path": "a/./b"}),
    ],
    ids=range(26),
)
def test_what_does_not_belong_is_refused_in_one_line(tmp_path, field, value):
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(json.loads(submission().to_json()) | {field: value}))
    with pytest.raises(EntryError, match=field) as refused:
        read_submission(path)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("SqueezeNet 1.0 (Deep Compression)", "squeezenet-1.0-deep-compression"),
        ("ViT_B/16 @384", "vit_b-16-384"),
        ("../../etc/passwd", "etc-passwd"),
        ("  .a. ", "a"),
    ],
)
def test_a_name_makes_a_folder(name, folder):
    assert folder_name_of(name) == folder


@pytest.mark.parametrize("name", ["", "...", "图像", "x" * 81])
def test_a_name_that_makes_none_wants_another(name):
    with pytest.raises(UsageError, match="give one with --folder"):
        folder_name_of(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", ".a", "a.", "a..b", "A", "a b", "-a", "a\n", "é", "a\0"]
)
def test_other_names_are_no_folders(name):
    assert not is_folder_name(name)


@given(st.text(max_size=200))
def test_any_name_makes_a_safe_folder_or_none(name):
    try:
        folder = folder_name_of(name)
    except UsageError:
        return
    assert is_folder_name(folder)
    assert len(folder) <= MAX_FOLDER
    assert not {"/", "\\", ":"} & set(folder)
    assert ".." not in folder

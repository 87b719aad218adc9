"""A stranger's JSON has one meaning and a bounded size, or is refused in one line."""

import os
import resource
from pathlib import Path

import pytest
from pydantic import BaseModel, JsonValue

from imagenetq.errors import EntryError
from imagenetq.strict_json import read_strict

LIMIT = 2**20


class Anything(BaseModel):
    a: JsonValue


def stored(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "some.json"
    path.write_bytes(content)
    return path


def test_what_is_plain_is_read(tmp_path):
    path = stored(tmp_path, '{"a": [1, null, "<b>é</b>", 1e300]}'.encode())
    assert read_strict(Anything, path, LIMIT).a == [1, None, "<b>é</b>", 1e300]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "'b' is there twice"),
        (b'{"\\u202e": 1, "\\u202e": 2}', r"'\\u202e' is there twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "damaged"),
        (b'{"a":' * 100_000, "too deep"),
        (b"[" * 500_000, "too deep"),
        (b'{"a": [' + b"[" * 900 + b"]" * 900 + b"]}", "damaged"),
        (b'{"a": "\xff"}', "damaged"),
        ('{"a": 1}'.encode("utf-16"), "damaged"),
        (b'\xef\xbb\xbf{"a": 1}', "damaged"),
        (b'{"a": 1} {"a": 2}', "damaged"),
        (b"", "damaged"),
        (b"PK\3\4" * 100, "damaged"),
    ],
    ids=range(15),
)
def test_what_has_no_single_meaning_is_refused_in_one_line(tmp_path, content, message):
    path = stored(tmp_path, content)
    with pytest.raises(EntryError, match=message) as refused:
        read_strict(Anything, path, LIMIT)
    assert str(refused.value).startswith(f"{path}: ")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


def test_two_gigabytes_are_refused_unread(tmp_path):
    path = stored(tmp_path, b"")
    with path.open("r+b") as file:
        file.truncate(2 * 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EntryError, match="2147483648 bytes is too large; at most 1048576"):
        read_strict(Anything, path, LIMIT)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_links_pipes_devices_and_folders_are_not_opened(tmp_path):
    real = stored(tmp_path, b'{"a": 1}')
    link, pipe = tmp_path / "link.json", tmp_path / "pipe.json"
    link.symlink_to(real)
    os.mkfifo(pipe)
    for path in (link, pipe, Path("/dev/zero"), tmp_path, tmp_path / "none.json"):
        with pytest.raises(EntryError, match=r"cannot be read"):
            read_strict(Anything, path, LIMIT, follow_link=False)

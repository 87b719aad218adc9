"""Scores of others in a CSV file: read by name, or refused in one line that says where."""

import pytest

from imagenetq.errors import UsageError
from imagenetq.evaluate.results.other_scores import MAX_BYTES, OtherScores


def read(tmp_path, content: str | bytes) -> OtherScores:
    path = tmp_path / "others.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return OtherScores.read(path)


def test_scores_are_found_by_name(tmp_path):
    text = '\ufeffnetwork,mCE,"top-1, v2"\r\ntimm/a,66.1,0.5\r\n\r\ntimm/c,,7e-1\r\n'
    held = read(tmp_path, text)
    assert held.columns == ("mCE", "top-1, v2")
    assert held.of([["timm/a (fp32)", "timm/a"], ["timm/b"], ["timm/c"]]) == {
        "mCE": [66.1, None, None],
        "top-1, v2": [0.5, None, 0.7],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "its first line must name columns"),
        ("network\na\n", "its first line must name columns"),
        ("network,,b\n", "its first line must name columns"),
        ("network,b,b\n", "each name once"),
        ("network,mCE\na,1,2\n", "line 2 has 3 cells, but line 1 names 2 columns"),
        ("network,mCE\na,1\na,2\n", "line 3: 'a' is there twice"),
        ("network,mCE\na,high\n", "line 2: 'high' is no number"),
        ("network,mCE\na,nan\n", "line 2: 'nan' is no number"),
        ('network,mCE\n"a,1\n', "no CSV"),
        (b"network,mCE\n\xff,1\n", "no text in UTF-8"),
        (b"network,mCE\n" + b"x" * 200_000 + b",1\n", "no CSV"),
        (b"x" * (MAX_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content, message):
    with pytest.raises(UsageError, match=message) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(f"{tmp_path}/others.csv")
    assert "\n" not in str(raised.value)


def test_a_file_of_other_networks_is_refused(tmp_path):
    held = read(tmp_path, "network,mCE\nresnet50,1\n")
    with pytest.raises(UsageError, match=r"has no row of 'timm/a' .* it has 'resnet50'"):
        held.of([["timm/a"]])

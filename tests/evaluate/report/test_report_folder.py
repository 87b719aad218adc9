"""A report replaces what an earlier one wrote, and nothing else."""

import json
from pathlib import Path

import pytest

from imagenetq.errors import FolderError
from imagenetq.evaluate.report import report_folder as module
from imagenetq.evaluate.report import write_report
from imagenetq.evaluate.report.report_folder import RECORD, ReportFolder
from imagenetq.evaluate.report.report_writer import PAGE


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_another_report_replaces_the_page_and_keeps_other_figures(results, tmp_path, call, folders):
    write_report(results, tmp_path, figures=["table1"])
    (tmp_path / "paper.tex").write_text("mine")
    table = (tmp_path / "table1.csv").read_bytes()
    write_report(results[:1], tmp_path, figures=["findings"])
    assert (tmp_path / "table1.csv").read_bytes() == table
    assert "table1" not in (tmp_path / PAGE).read_text()
    write_report(results[:1], tmp_path, figures=["table1"])
    assert (tmp_path / "table1.csv").read_bytes() != table
    (tmp_path / "table1.md").write_text("with my remarks")
    before = contents(tmp_path)
    ended = call("report", *folders, "--out", tmp_path, "--figure", "table1")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"imagenetq: {tmp_path / 'table1.md'}: is there, and imagenetq report did not write it, or "
        "it was changed since; move it, or give another --out"
    )
    assert contents(tmp_path) == before


@pytest.mark.parametrize("record", [None, "{", "[]", '{"made_by": "x"}', '{"files": {}}', "3"])
def test_a_stranger_s_page_is_refused_before_anything_is_drawn(results, tmp_path, record):
    (tmp_path / PAGE).write_text("mine")
    if record is not None:
        (tmp_path / RECORD).write_text(record)
    before = contents(tmp_path)
    with pytest.raises(FolderError, match=r"report\.md: is there, and imagenetq report did not wr"):
        write_report(results, tmp_path, figures=["table1"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("survivors", range(4))
def test_a_report_that_was_killed_is_replaced(tmp_path, monkeypatch, survivors):
    ReportFolder(tmp_path).write({"a.md": b"old a", "b.md": b"old b"})
    left = survivors

    def write(path: Path, content: bytes) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        path.write_bytes(content)

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_whole", write)
        with pytest.raises(KeyboardInterrupt):
            ReportFolder(tmp_path).write({"a.md": b"new a", "b.md": b"new b"})
    ReportFolder(tmp_path).write({"b.md": b"newer b", "a.md": b"newer a"})
    assert (tmp_path / "b.md").read_bytes() == b"newer b"
    record = json.loads((tmp_path / RECORD).read_text())
    assert {name: len(hashes) for name, hashes in record["files"].items()} == {"a.md": 1, "b.md": 1}

"""The workflow that judges entries: who may do what, and that a strange text stays text."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "leaderboard.yml"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    held = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert held["permissions"] == {}
    return held["jobs"]


def script(jobs: dict[str, Any], job: str, name: str) -> str:
    (step,) = [step for step in jobs[job]["steps"] if step.get("name") == name]
    return step["run"]


def bash(text: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        cwd=cwd,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_who_reads_the_entry_may_do_nothing_and_who_may_comment_reads_no_entry(jobs) -> None:
    assert jobs["check"]["permissions"] == {"contents": "read"}
    assert "secrets" not in WORKFLOW.read_text(encoding="utf-8")
    assert "token" not in str(jobs["check"])
    base, proposed = [s["with"] for s in jobs["check"]["steps"] if "checkout" in s.get("uses", "")]
    assert base["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert (proposed["path"], proposed["sparse-checkout"]) == ("proposed", "leaderboard/entries")
    assert base["persist-credentials"] is proposed["persist-credentials"] is False
    assert jobs["comment"]["permissions"] == {"pull-requests": "write"}
    assert not [s for s in jobs["comment"]["steps"] if "checkout" in s.get("uses", "")]
    # What a stranger chose is never part of a script.
    runs = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert not [run for run in runs if "${{" in run]


def test_the_verdict_is_that_of_the_command(jobs, tmp_path: Path) -> None:
    entries = tmp_path / "proposed" / "leaderboard" / "entries"
    shutil.copytree(ROOT / "leaderboard" / "entries", entries)
    (entries / "squeezenet-1.0-deep-compression" / "predictions.parquet").unlink()
    judged = bash(script(jobs, "check", "Check"), tmp_path)
    assert judged.returncode == 1
    lines = (tmp_path / "verdict.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "WARN  efficientnet-lite0-tensorflow"
    assert "FAIL  squeezenet-1.0-deep-compression" in lines
    assert lines[-1].endswith("1 of 5 entries fail")


def test_a_strange_text_is_code_in_the_comment(jobs, tmp_path: Path) -> None:
    (tmp_path / "verdict").mkdir()
    strange = (
        "OK\n```\n</details> @everyone [x](https://a)\r# big\x1b[31m\u2028## more\n\n<img src=x>\n"
    )
    (tmp_path / "verdict" / "verdict.txt").write_text(strange + "long " * 20_000, encoding="utf-8")
    made = bash(script(jobs, "comment", "Write the comment"), tmp_path)
    assert made.returncode == 0, made.stderr
    comment = (tmp_path / "comment.md").read_bytes()
    assert len(comment) < 65_536
    assert not set(comment) - set(b"\n" + bytes(range(32, 127)))
    said, empty, *lines = comment.decode().splitlines()
    assert (said[:4], empty) == ("What", "")
    assert all(line.startswith("    ") for line in lines)

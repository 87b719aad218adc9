"""Results that anyone may have made: whoever reads them, they take little memory, and one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fake_entries import change_json, honest
from hostile_parquet import parquet_bomb
from imagenetq.files import sha256_of

MEMORY = 1100 * 2**20
"""Bytes: the limit of `Confined`, and what its process has when it starts."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result whose small predictions would take gigabytes."""
    folder = tmp_path_factory.mktemp("hostile")
    honest(30).write(folder)
    path = folder / "predictions.parquet"
    path.write_bytes(parquet_bomb(honest(30).predictions.table()))
    change_json(folder / "entry.json", lambda data: data.update(predictions_sha256=sha256_of(path)))
    return folder


def ended(*command: object) -> tuple[int, str, int]:
    """A command's exit status, what it said, and the most memory in bytes of its processes."""
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, said, 1024 * usage.ru_maxrss


@pytest.mark.parametrize("command", ["compare", "report", "eval-results"])
def test_every_command_reads_them_within_bounds(
    command: str, hostile: Path, tmp_path: Path, executable: str
) -> None:
    honest(30).write(tmp_path / "honest")
    arguments = {
        "compare": [tmp_path / "honest", hostile],
        "report": [hostile, "--out", tmp_path / "report"],
        "eval-results": [hostile, "--dataset", "org/q", "--out", tmp_path],
    }[command]
    code, said, memory = ended(executable, command, *arguments)
    assert code == 1
    (line,) = said.splitlines()
    assert f"{hostile / 'predictions.parquet'}: " in line
    assert "malloc of size 268435456 failed" in line or "too much memory" in line
    assert memory < MEMORY


def test_so_does_a_script_without_a_main_guard(hostile: Path, tmp_path: Path) -> None:
    honest(30).write(tmp_path / "honest")
    script = tmp_path / "script.py"
    script.write_text(
        "from imagenetq.evaluate import Result\n"
        f"print(Result.read({str(tmp_path / 'honest')!r}).scores.score)\n"
        "from imagenetq.errors import PredictionsError\n"
        "try:\n"
        f"    Result.read({str(hostile)!r})\n"
        "except PredictionsError:\n"
        "    raise SystemExit(7)\n"
    )
    code, said, memory = ended(sys.executable, script)
    assert (code, said) == (7, "")
    assert memory < MEMORY

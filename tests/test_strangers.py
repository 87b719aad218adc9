"""Results that anyone may have made: whoever reads them, they take little memory, and one line."""

import io
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_entries import change_json, honest
from hostile_parquet import not_utf8, parquet_bomb
from imagenetq.builder import build, open_source
from imagenetq.builder.folders import open_folder
from imagenetq.builder.recipe.pixel_table import pixel_table, read_pixel_table
from imagenetq.errors import FolderError, PredictionsError
from imagenetq.evaluate.results.registered_sources import read_source
from imagenetq.files import sha256_of
from imagenetq.predictions import parse_predictions
from imagenetq.shards import read_parquet
from no_workers import no_workers

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
    # A process of its own measures, since a child's peak counts what its parent had when it began.
    measure = (
        "import resource, subprocess, sys; ended = subprocess.run(sys.argv[1:], check=False);"
        "print(ended.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measure, *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
    )
    status, kilobytes = done.stdout.split()[-2:]
    return int(status), done.stderr, 1024 * int(kilobytes)


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
    assert f"{hostile / 'predictions.parquet'}: takes too much memory" in line
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


@pytest.fixture(scope="module")
def built(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    source = open_source(make_source(folder / "images", 2))
    with no_workers():
        build(source, folder / "q", subset="mini", only=["clean"])
    return folder / "q"


def stored(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("column", ["image_id", "variant"])
def test_predictions_whose_texts_are_no_utf8(column: str) -> None:
    table = honest(4).predictions.table()
    with pytest.raises(PredictionsError, match=r"^it: cannot be read"):
        parse_predictions(stored(not_utf8(table, column)), "it")


def test_shards_whose_texts_are_no_utf8(built: Path) -> None:
    table = pq.read_table(next(built.glob("data/clean/*")))
    for column in ("image_id", "pixel_sha256"):
        content = io.BytesIO(stored(not_utf8(table, column)))
        with pytest.raises(FolderError, match=r"^it: damaged"):
            list(read_parquet(content, "it"))


def test_recipes_and_sources_whose_texts_are_no_utf8(built: Path, tmp_path: Path) -> None:
    folder = open_folder(built)
    pixels = pixel_table(folder, folder.manifest())
    assert len(read_pixel_table(pixels, folder.manifest())) == 2
    table = pq.read_table(io.BytesIO(pixels))
    path = tmp_path / f"{'0' * 64}.parquet"
    for column in ("image_id", "wnid", "pixel_sha256"):
        spoilt = stored(not_utf8(table, column))
        with pytest.raises(FolderError, match=r"^pixels\.parquet: damaged"):
            read_pixel_table(spoilt, folder.manifest())
        path.write_bytes(spoilt)
        with pytest.raises(FolderError, match="damaged"):
            read_source(path)

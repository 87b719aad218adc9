"""Faults set on purpose, from seeds: each is refused, named or repaired; none changes a result.

Disks and networks flip bits, lose blocks and cut files short. Each test damages one kind of file
many times over and counts the silent wrong results, of which there must be none. What is *harmless*
lies where nothing is read, such as a tar's padding.
"""

import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import faults
from exactness import PREPROCESSINGS
from imagenetq.builder import build, open_source
from imagenetq.builder.building.unit_records import record_path
from imagenetq.errors import ImagenetqError
from imagenetq.evaluate import Data, Result, Settings, evaluate, load_model, open_data
from imagenetq.evaluate.evaluation import run
from imagenetq.evaluate.inputs.cache import Store
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.manifest import read_manifest
from imagenetq.record import pixel_sha256

ONLY = ["clean", "jpeg-10", "noise-50"]
FAULTS = (faults.flip_bit, faults.flip_bit, faults.flip_bit, faults.truncate, faults.zero_out)
"""What happens to a file of data; bits flip most often."""

SMALL = [
    replace(PREPROCESSINGS[0], resize=24, crop=(20, 24)),
    replace(PREPROCESSINGS[2], resize=(32, 32)),
]
CPU = torch.device("cpu")
SUPPORT = Path(__file__).parent / "support"

Outcome = str
Lines = Counter[tuple[str, ...]]


@pytest.fixture(scope="module")
def images(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small crops of a photograph."""
    return make_source(tmp_path_factory.mktemp("campaign") / "images", 12)


def built(images: Path, out: Path, format_name: str) -> Path:
    source = open_source(images)
    build(source, out, subset="mini", only=ONLY, workers=1, format_name=format_name)
    return out


@pytest.fixture(scope="module")
def parquet(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(images, tmp_path_factory.mktemp("campaign") / "parquet", "parquet")


@pytest.fixture(scope="module")
def tars(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(images, tmp_path_factory.mktemp("campaign") / "tars", "webdataset")


def lines(data: Data) -> Lines:
    """All that networks and scores get to see of a dataset."""
    return Counter(
        (repr(s.info), pixel_sha256(s.pixels))
        for task in data.tasks(data.variants)
        for s in task.samples()
    )


def outcome(work: Callable[[], object], expected: object) -> Outcome:
    """How some work on damaged files ends."""
    try:
        found = work()
    except ImagenetqError as refusal:
        return "refused" if "\n" not in str(refusal) else "refused at length"
    return "right" if found == expected else "silent"


@pytest.mark.parametrize("kind", ["parquet", "tars", "bare tars"])
def test_shards(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """With a manifest every fault is refused; without one, every fault that matters."""
    whole: Path = request.getfixturevalue(kind.removeprefix("bare "))
    folder = shutil.copytree(whole, tmp_path / "q")
    spec = f"{folder}/data/*/*.tar" if kind == "bare tars" else folder
    expected = lines(open_data(spec))
    assert len(expected) == 12 * len(ONLY)
    shards = sorted((folder / "data").rglob("test-*"))
    ended: Counter[Outcome] = Counter()
    for seed in range(60):
        shard = shards[seed % len(shards)]
        told = FAULTS[seed % len(FAULTS)](shard, seed)
        end = outcome(lambda: lines(open_data(spec)), expected)
        assert end in ("refused", "right"), f"seed {seed}: {told}"
        ended[end] += 1
        shutil.copy(whole / shard.relative_to(folder), shard)
    assert ended["refused"] >= (30 if kind == "bare tars" else 60), ended


def inputs(data: Data, cache: Path, meanwhile: Callable[[], object]) -> dict[object, bytes]:
    """Every sample's note, and its inputs to two networks."""
    found: dict[object, bytes] = {}
    pipeline = InputPipeline(CPU, 16, workers=0, cache=Store(cache, 10**9))
    with pipeline.batches(data.tasks(data.variants), SMALL) as stream:
        meanwhile()
        for batch in stream:
            for row, note in enumerate(batch.infos):
                assert note not in found
                found[note] = b"".join(
                    np.ascontiguousarray(tensor[row].numpy()).tobytes() for tensor in batch.inputs
                )
    return found


@pytest.mark.parametrize("moment", ["before", "while it is read"])
def test_cache(
    parquet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    """Crops, notes and the end of an entry: named, dropped, and made again within the pass."""
    data = open_data(parquet)
    cache = tmp_path / "c"

    def nothing() -> None: ...

    expected = inputs(data, cache, nothing)
    assert len(expected) == 12 * len(ONLY)
    entries = {path: path.read_bytes() for path in sorted(cache.rglob("*.crops"))}
    assert len(entries) == 2 * len(ONLY)
    ended: Counter[Outcome] = Counter()
    for seed in range(60):
        path = sorted(entries)[seed % len(entries)]
        fault = FAULTS[seed % len(FAULTS)]
        # Half of the flips beside the crops, which are most of the file.
        where = 0.9999 - 0.1 * (seed / 60) if fault is faults.flip_bit and seed % 2 else None
        told = ""

        def inflict() -> None:
            nonlocal told
            told = (
                fault(path, seed)  # noqa: B023
                if where is None  # noqa: B023
                else faults.flip_bit(path, seed, where=where)  # noqa: B023
            )

        capsys.readouterr()
        if moment == "before":
            inflict()
            found = inputs(data, cache, nothing)
        else:
            found = inputs(data, cache, inflict)
        assert found == expected, f"seed {seed}: {told}"
        said = capsys.readouterr().err
        ended["named" if f"{path}: " in said else "harmless"] += 1
        if moment == "before":
            assert path.read_bytes() == entries[path], f"seed {seed}: {told}"
        path.write_bytes(entries[path])
    # Whoever has read the notes does not read them again.
    assert ended["harmless"] <= (0 if moment == "before" else 30), ended


@pytest.mark.usefixtures("in_this_process")
def test_unit_records(
    images: Path, parquet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged record is named, and its unit built again, to the same digests."""
    folder = shutil.copytree(parquet, tmp_path / "q")
    expected = read_manifest(parquet)
    record = folder / record_path(0)
    whole = record.read_bytes()
    kinds = (faults.change_digit, faults.change_digit, faults.flip_bit, faults.truncate)
    for seed in range(12):
        told = kinds[seed % len(kinds)](record, seed)
        capsys.readouterr()
        built(images, folder, "parquet")
        assert read_manifest(folder) == expected, f"seed {seed}: {told}"
        assert f"{record}: damaged" in capsys.readouterr().err, f"seed {seed}: {told}"
        assert record.read_bytes() == whole


Answered = tuple[str, object]


def evaluated(dataset: Path, out: Path) -> Answered:
    """What the tiny network's result in a folder says once it was evaluated there.

    A batch holds one variant's images, whichever are evaluated, so that the last bits are equal.
    """
    settings = Settings(only=ONLY, batch_size=12)
    evaluate([load_model("python/tiny_models:tiny")], open_data(dataset), out, settings)
    (folder,) = out.iterdir()
    result = Result.read(folder)
    assert result.contradictions() == []
    return result.entry.predictions_sha256, result.entry.scores


@pytest.fixture(scope="module")
def finished(parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answered]:
    """A folder with a result, and what it says."""
    out = tmp_path_factory.mktemp("campaign") / "finished"
    return out, evaluated(parquet, out)


@pytest.fixture(scope="module")
def interrupted(parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as Ctrl-C leaves it in the last moment: all is answered, nothing gathered."""
    out = tmp_path_factory.mktemp("campaign") / "interrupted"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "gather", interrupt)
        with pytest.raises(KeyboardInterrupt):
            evaluated(parquet, out)
    assert len(list(out.rglob("*.part"))) == len(ONLY)
    return out


def test_parts(
    parquet: Path,
    finished: tuple[Path, Answered],
    interrupted: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A damaged part is named, and its images are evaluated again, to the same result."""
    for seed in range(20):
        out = shutil.copytree(interrupted, tmp_path / str(seed))
        parts = sorted(out.rglob("*.part"))
        part = parts[seed % len(parts)]
        told = FAULTS[seed % len(FAULTS)](part, seed)
        capsys.readouterr()
        assert evaluated(parquet, out) == finished[1], f"seed {seed}: {told}"
        said = f"{part}: damaged; its images are evaluated again"
        assert said in capsys.readouterr().err, f"seed {seed}: {told}"
    out = shutil.copytree(interrupted, tmp_path / "exchanged")
    one, other, _ = sorted(out.rglob("*.part"))
    faults.replace_with(one, other)
    assert evaluated(parquet, out) == finished[1]


@pytest.mark.parametrize(
    ("name", "fewest_refused"), [("plan.json", 10), ("entry.json", 10), ("predictions.parquet", 0)]
)
def test_records_and_results(
    parquet: Path,
    finished: tuple[Path, Answered],
    interrupted: Path,
    tmp_path: Path,
    name: str,
    fewest_refused: int,
) -> None:
    """The same command gives the same result, or says what is damaged and what to do."""
    whole = interrupted if name == "plan.json" else finished[0]
    kinds = (faults.change_digit, faults.flip_bit, faults.flip_bit, faults.truncate)
    ended: Counter[Outcome] = Counter()
    for seed in range(20):
        out = shutil.copytree(whole, tmp_path / str(seed))
        (path,) = out.rglob(name)
        told = kinds[seed % len(kinds)](path, seed)
        end = outcome(lambda: evaluated(parquet, out), finished[1])  # noqa: B023
        assert end in ("refused", "right"), f"seed {seed}: {told}"
        ended[end] += 1
    assert ended["refused"] >= fewest_refused, ended
    assert ended["right"] == 20 - ended["refused"]


def test_two_evaluations_at_once(
    parquet: Path, finished: tuple[Path, Answered], tmp_path: Path, start: Callable[..., Any]
) -> None:
    """Of two commands into one folder one is refused and names the other, whose result is whole."""
    gate = tmp_path / "gate"
    command = ("eval", "--model", "python/tiny_models:gated", "--model-arg", f"gate={gate}")
    command += ("--data", parquet, "--only", ",".join(ONLY), "--out", tmp_path / "r")
    command += ("--workers", "1", "--device", "cpu", "--batch-size", "12")
    environment = os.environ | {"PYTHONPATH": str(SUPPORT)}
    both = [start(*command, env=environment) for _ in range(2)]
    deadline = time.monotonic() + 300
    while all(process.poll() is None for process in both):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    refused, other = sorted(both, key=lambda process: process.poll() is None)
    said = refused.communicate()[1].splitlines()
    folder = tmp_path / "r" / "python-tiny_models-gated"
    assert (refused.returncode, said[-1]) == (
        1,
        f"imagenetq: {folder}: another evaluation is writing there (process {other.pid} on "
        f"{socket.gethostname()}); wait until it ends, or give another --out",
    )
    gate.touch()
    assert other.wait(300) == 0, other.communicate()
    result = Result.read(folder)
    assert (result.entry.predictions_sha256, result.entry.scores) == finished[1]
    assert {path.name for path in folder.iterdir()} == {"entry.json", "predictions.parquet"}

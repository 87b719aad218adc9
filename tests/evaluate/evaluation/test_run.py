"""An evaluation as a whole: every sample answered once, whatever the way and the interruptions."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

pytest.importorskip("torch")

from imagenetq.builder import build, open_source
from imagenetq.errors import EvaluationError, FolderError, UsageError
from imagenetq.evaluate import (
    CleanSource,
    Result,
    Settings,
    compare,
    evaluate,
    evaluate_model,
    folder_name,
    load_model,
    open_data,
)
from imagenetq.files import TEMPORARY_PREFIX, sha256_of

ONLY = ["clean", "blur-3", "noise-50", "contrast-1.0", "contrast-0.3", "jpeg-10", "jpeg2000-24"]
TINY = "python/tiny_models:tiny"

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def source(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "images", 120)


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "q"
    build(open_source(source), out, subset="mini", only=ONLY)
    return out


@pytest.fixture(scope="module")
def reference(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The tiny network on the folder, in one process."""
    out = tmp_path_factory.mktemp("reference")
    (result,) = evaluate([load_model(TINY)], open_data(str(folder)), out)
    return result


def same(one: Result, other: Result) -> bool:
    return one.entry.predictions_sha256 == other.entry.predictions_sha256


def test_the_result_is_complete_and_recomputes(reference: Result) -> None:
    entry = reference.entry
    assert entry.n_images == 120
    assert list(entry.variants) == ONLY
    assert reference.contradictions() == []
    assert entry.model.weights_sha256 is not None
    assert entry.model.preprocessing["crop"] == [28, 28]
    assert entry.source_digest is not None


def test_all_kinds_of_data_give_the_same_predictions(
    reference: Result, source: Path, tmp_path: Path
) -> None:
    build(open_source(source), tmp_path / "w", subset="mini", only=ONLY, format_name="webdataset")
    rendered = CleanSource(open_source(source), originals=tmp_path / "o", subset="mini")
    kinds = {
        "tars": open_data(str(tmp_path / "w")),
        "bare tars": open_data(f"{tmp_path / 'w'}/data/*/*.tar"),
        "rendered": rendered,
    }
    for name, data in kinds.items():
        (result,) = evaluate([load_model(TINY)], data, tmp_path / name, Settings(only=ONLY))
        assert same(result, reference), name
        assert result.entry.source_digest == reference.entry.source_digest, name


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_batches_and_workers_change_no_class(
    reference: Result, folder: Path, tmp_path: Path, batch_size: int
) -> None:
    settings = Settings(batch_size=batch_size, workers=2 if batch_size == 7 else 0)
    (result,) = evaluate([load_model(TINY)], open_data(str(folder)), tmp_path, settings)
    mine, theirs = result.predictions, reference.predictions
    assert (mine.true_rank == theirs.true_rank).mean() > 0.999
    assert np.allclose(mine.true_probability, theirs.true_probability, atol=1e-5)


def test_several_models_share_one_pass(
    reference: Result, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagenetq.evaluate.inputs import loader as feed

    passes = []
    monkeypatch.setattr(
        feed._Reader, "__init__", _counting(feed._Reader.__init__, passes), raising=True
    )
    models = [load_model(TINY), load_model("baseline/nearest")]
    results = evaluate(models, open_data(str(folder)), tmp_path)
    # One pass to show the baseline its photographs, one to tell logits from probabilities and to
    # check, and one to evaluate both.
    assert len(passes) == 3
    assert same(results[0], reference)
    assert results[1].entry.variants["clean"].correct_top1 == 120
    assert compare(*results).n_images == 120


def _counting(function, calls):
    def counted(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    return counted


def test_identical_variants_are_computed_once(reference: Result) -> None:
    predictions = reference.predictions
    clean, copied = predictions.column("clean"), predictions.column("contrast-1.0")
    assert (predictions.true_rank[:, clean] == predictions.true_rank[:, copied]).all()


def test_a_finished_result_is_not_computed_again(folder: Path, tmp_path: Path) -> None:
    data, settings = open_data(str(folder)), Settings(only=["jpeg-10"])
    (first,) = evaluate([load_model(TINY)], data, tmp_path, settings)
    (entry,) = tmp_path.glob("*/entry.json")
    before = entry.stat().st_mtime_ns
    (again,) = evaluate([load_model(TINY)], data, tmp_path, settings)
    assert same(first, again)
    assert entry.stat().st_mtime_ns == before


def test_limit_takes_the_first_images(folder: Path, tmp_path: Path) -> None:
    settings = Settings(limit=30, only=["jpeg-10"])
    (result,) = evaluate([load_model(TINY)], open_data(str(folder)), tmp_path, settings)
    assert result.entry.n_images == 30
    assert list(result.entry.variants) == ["clean", "jpeg-10"]


def command(*more: str, folder: Path, out: Path) -> list[str]:
    return ["eval", "--model", TINY, "--data", str(folder), "--out", str(out), *more]


@pytest.fixture
def environment() -> dict[str, str]:
    tests = str(Path(__file__).parents[2] / "support")
    return os.environ | {"PYTHONPATH": tests}


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_it_resumes_to_the_same_predictions(
    reference: Result,
    folder: Path,
    tmp_path: Path,
    environment: dict[str, str],
    start: Start,
    call: Command,
    stop: signal.Signals,
) -> None:
    out = tmp_path / "r"
    arguments = command("--workers", "1", "--batch-size", "8", folder=folder, out=out)
    process = start(*arguments, env=environment, start_new_session=True)
    while process.poll() is None and not any(out.glob("*/.parts/*.part")):
        time.sleep(0.02)
    # A terminal interrupts all; who is killed takes its workers along, which share its streams.
    (os.killpg if stop == signal.SIGINT else os.kill)(process.pid, stop)
    _, errors = process.communicate(timeout=60)
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in errors
    ended = call(*arguments)
    assert ended.returncode == 0, ended.stderr
    (result_folder,) = out.iterdir()
    assert sorted(path.name for path in result_folder.iterdir()) == [
        "entry.json",
        "predictions.parquet",
    ]
    resumed = Result.read(result_folder).predictions
    assert (resumed.true_rank == reference.predictions.true_rank).mean() > 0.999


def test_a_full_disk_loses_no_finished_task(
    reference: Result,
    folder: Path,
    small_disk: Callable[[int], Path],
    call: Command,
) -> None:
    disk = small_disk(2**16)
    ended = call(*command("--workers", "1", folder=folder, out=disk / "r"))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert str(disk) in last
    assert "No space left on device" in last
    (parts,) = disk.glob("r/*/.parts")
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.part")}
    assert kept
    assert not [path for path in disk.rglob("*") if path.name.startswith(TEMPORARY_PREFIX)]
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
    data, settings = open_data(str(folder)), Settings.of(device="cpu", workers=0)
    (result,) = evaluate([load_model(TINY)], data, disk / "r", settings)
    assert (result.predictions.true_rank == reference.predictions.true_rank).mean() > 0.999


def test_a_killed_worker_is_named_and_the_rest_goes_on(
    reference: Result, folder: Path, tmp_path: Path, environment: dict[str, str], start: Start
) -> None:
    out = tmp_path / "r"
    arguments = command("--workers", "2", "--batch-size", "4", folder=folder, out=out)
    process = start(*arguments, env=environment)
    while process.poll() is None and not any(out.glob("*/.parts/*.part")):
        time.sleep(0.02)
    # The processes that read are forked from a server, which is our child.
    children = psutil.Process(process.pid).children()
    (server,) = [child for child in children if "forkserver" in " ".join(child.cmdline())]
    server.children()[0].kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process was killed" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    (result,) = evaluate([load_model(TINY)], open_data(str(folder)), out)
    assert (result.predictions.true_rank == reference.predictions.true_rank).mean() > 0.999


def test_two_nodes_of_two_and_one_processes_share_the_work(
    reference: Result, folder: Path, tmp_path: Path, environment: dict[str, str], executable: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        rendezvous = f"127.0.0.1:{unused.getsockname()[1]}"
    torchrun = [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={rendezvous}", "--rdzv-id=test"),
        *("--local-addr=127.0.0.1", "--no-python"),
    ]
    arguments = command("--workers", "1", "--device", "cpu", folder=folder, out=tmp_path)
    nodes = [
        subprocess.Popen(
            [*torchrun, f"--nproc-per-node={n_processes}", executable, *arguments],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n_processes in (2, 1)
    ]
    ended = [node.communicate(timeout=300)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], ended
    (result_folder,) = tmp_path.iterdir()
    result = Result.read(result_folder)
    assert result.contradictions() == []
    assert result.entry.n_images == 120
    assert (result.predictions.true_rank == reference.predictions.true_rank).mean() > 0.999
    close = np.isclose(result.predictions.true_probability, reference.predictions.true_probability)
    assert close.all()


def test_a_folder_of_another_evaluation_is_refused(folder: Path, tmp_path: Path) -> None:
    from imagenetq.evaluate.evaluation.plan import begin, make_plan

    data, model = open_data(str(folder)), load_model(TINY)
    parts = tmp_path / folder_name(TINY) / ".parts"
    begin(parts, make_plan(model.described(), data.identity, ("clean", "jpeg-10"), "bf16", None))
    with pytest.raises(EvaluationError, match="precision was bf16, now fp32"):
        evaluate([model], data, tmp_path, Settings(only=["jpeg-10"]))


def test_logits_that_are_not_numbers_end_it_by_name(folder: Path, tmp_path: Path) -> None:
    model = load_model("python/tiny_models:broken")
    with pytest.raises(EvaluationError, match="logits that are not numbers for ILSVRC2012_val"):
        evaluate([model], open_data(str(folder)), tmp_path)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_shard_is_named(folder: Path, tmp_path: Path, workers: int) -> None:
    damaged = tmp_path / "q"
    shutil.copytree(folder, damaged)
    shard = damaged / "data" / "jpeg-10" / "test-00001-of-00002.parquet"
    data = bytearray(shard.read_bytes())
    # In the first image; the larger part of so small a shard is its footer.
    data[700] ^= 255
    shard.write_bytes(data)
    with pytest.raises(FolderError, match="jpeg-10"):
        evaluate(
            [load_model(TINY)],
            open_data(str(damaged), check_pixels="all"),
            tmp_path / "r",
            Settings(workers=workers),
        )


@pytest.mark.parametrize("fault", ["no manifest", "other version", "cut shard", "no shard"])
def test_the_command_refuses_bad_folders_in_one_line(
    folder: Path, tmp_path: Path, call: Command, fault: str
) -> None:
    damaged = tmp_path / "q"
    shutil.copytree(folder, damaged)
    manifest = damaged / "manifest.json"
    shard = damaged / "data" / "jpeg-10" / "test-00001-of-00002.parquet"
    named = manifest if fault in ("no manifest", "other version") else shard
    if fault == "no manifest":
        manifest.unlink()
    elif fault == "other version":
        digest = open_data(str(folder)).identity.specification_digest
        manifest.write_text(manifest.read_text().replace(digest, "0" * 64))
    elif fault == "cut shard":
        shard.write_bytes(shard.read_bytes()[:-100])
    else:
        shard.unlink()
    ended = call(*command("--workers", "1", folder=damaged, out=tmp_path / "r"))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert named.name in last or str(damaged) in last
    assert last.startswith("imagenetq: ")


def test_missing_variants_and_twins_are_refused(folder: Path, tmp_path: Path) -> None:
    data = open_data(str(folder))
    with pytest.raises(EvaluationError, match="hold no blur-9"):
        evaluate([load_model(TINY)], data, tmp_path, Settings(only=["blur-9"]))
    with pytest.raises(EvaluationError, match="two models of one name"):
        evaluate([load_model(TINY), load_model(TINY)], data, tmp_path)
    with pytest.raises(UsageError, match="no precision 'fp8'"):
        Settings.of(precision="fp8")
    with pytest.raises(UsageError, match="no device 'cuda:7'"):
        Settings.of(device="cuda:7")


def test_in_a_notebook(reference: Result, folder: Path) -> None:
    import tiny_models

    module, preprocessing = tiny_models.tiny()
    result = evaluate_model(module, preprocessing, str(folder), workers=0, device="cpu")
    assert result.entry.predictions_sha256 == reference.entry.predictions_sha256
    assert len(result.to_pandas()) == len(ONLY)

    def transform(image):
        pixels = preprocessing.pixels(np.asarray(image))
        return ((pixels / np.float32(255) - 0.5) / 0.5).transpose(2, 0, 1).astype(np.float32)

    opaque = evaluate_model(module, transform, folder, workers=0, device="cpu", name="mine")
    assert (opaque.predictions.true_rank == reference.predictions.true_rank).mean() > 0.999


def test_real_network_and_commands(
    real_weights: Path, imagenet_sample: Path, tmp_path: Path, call: Command
) -> None:
    """SqueezeNet on real photographs: blurred ones are harder, and the files say so."""
    weights = real_weights / "squeezenet1_0_deepcompression.safetensors"
    model = ["--model", "torchvision/squeezenet1_0", "--weights", str(weights)]
    data = ["--source", str(imagenet_sample), "--subset", "mini", "--limit", "60"]
    only = ["--only", "blur-5", "--workers", "2", "--out", str(tmp_path / "r")]
    ended = call("eval", *model, *data, *only)
    assert ended.returncode == 0, ended.stderr
    assert "clean top-1" in ended.stdout
    name = "torchvision-squeezenet1_0-squeezenet1_0_deepcompression"
    folder = tmp_path / "r" / f"{name}-{sha256_of(weights)[:8]}"
    accuracy = {k: v.correct_top1 for k, v in Result.read(folder).entry.variants.items()}
    assert accuracy["clean"] > 30
    assert accuracy["clean"] > accuracy["blur-5"]
    digest = sha256_of(folder / "predictions.parquet")
    again = call("compare", folder, folder)
    assert again.returncode == 0, again.stderr
    assert digest == sha256_of(folder / "predictions.parquet")
    described = call("models", "torchvision/squeezenet1_0", "--weights", weights)
    assert described.returncode == 0, described.stderr
    assert "Conv2d" in described.stdout

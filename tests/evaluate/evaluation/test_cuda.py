"""On a GPU: the same predictions as on the CPU, without waiting, out of memory, and on several."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imagenetq.builder import build, open_source
from imagenetq.evaluate import Result, Settings, evaluate, load_model, open_data
from imagenetq.evaluate.evaluation.runner import Runner
from imagenetq.evaluate.models import LoadOptions, Model

ONLY = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-24"]
CUDA = torch.device("cuda")

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.fixture(scope="module")
def folder(imagenet_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 real photographs in six variants."""
    root = tmp_path_factory.mktemp("cuda")
    for classfolder in sorted(path for path in imagenet_sample.iterdir() if path.is_dir())[:50]:
        (root / "images").mkdir(exist_ok=True)
        (root / "images" / classfolder.name).symlink_to(classfolder)
    build(open_source(root / "images"), root / "q", subset="mini", only=ONLY, workers=4)
    return root / "q"


@pytest.fixture
def model(real_weights: Path) -> Model:
    weights = real_weights / "squeezenet1_0_deepcompression.safetensors"
    return load_model("torchvision/squeezenet1_0", LoadOptions(weights=str(weights)))


@pytest.fixture(scope="module")
def reference(folder: Path, real_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    weights = real_weights / "squeezenet1_0_deepcompression.safetensors"
    network = load_model("torchvision/squeezenet1_0", LoadOptions(weights=str(weights)))
    out = tmp_path_factory.mktemp("reference")
    settings = Settings(device=torch.device("cpu"), workers=2)
    (result,) = evaluate([network], open_data(str(folder)), out, settings)
    return result


def agreement(one: Result, other: Result) -> float:
    """Share of (image, variant) pairs of the same top-1 answer."""
    first, second = one.predictions.top5_class, other.predictions.top5_class
    return float((first[..., 0] == second[..., 0]).mean())


@pytest.mark.parametrize(
    ("precision", "tolerance", "agreeing"),
    [("fp32", 1e-4, 0.999), ("tf32", 1e-2, 0.98), ("bf16", 0.1, 0.9), ("fp16", 0.02, 0.97)],
)
def test_precisions_against_the_cpu(
    reference: Result,
    model: Model,
    folder: Path,
    tmp_path: Path,
    precision: str,
    tolerance: float,
    agreeing: float,
) -> None:
    settings = Settings.of(precision=precision, device="cuda", workers=2)
    (result,) = evaluate([model], open_data(str(folder)), tmp_path, settings)
    mine, theirs = result.predictions, reference.predictions
    assert agreement(result, reference) >= agreeing
    assert np.abs(mine.true_probability - theirs.true_probability).mean() < tolerance
    assert result.contradictions() == []


def test_several_models_on_one_device(
    reference: Result, model: Model, folder: Path, tmp_path: Path
) -> None:
    other = load_model("baseline/nearest")
    settings = Settings(device=CUDA, workers=2)
    first, second = evaluate([model, other], open_data(str(folder)), tmp_path, settings)
    assert agreement(first, reference) > 0.999
    assert second.entry.variants["clean"].correct_top1 == 50


def test_compiled(reference: Result, model: Model, folder: Path, tmp_path: Path) -> None:
    settings = Settings(device=CUDA, workers=2, compiled=True)
    (result,) = evaluate([model], open_data(str(folder)), tmp_path, settings)
    assert agreement(result, reference) > 0.99


def test_a_smaller_batch_when_memory_runs_out(model: Model) -> None:
    inputs = torch.randint(0, 256, (512, 224, 224, 3), dtype=torch.uint8)
    labels = torch.zeros(512, dtype=torch.int64)
    ample = Runner(model, CUDA, "fp32", batch_size=512)
    ample.submit(inputs, labels)
    (expected,) = ample.drain()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(1.5e9 / total)
    try:
        runner = Runner(model, CUDA, "fp32", batch_size=512)
        runner.submit(inputs, labels)
        (answers,) = runner.drain()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert runner.chunk < 512
    assert (answers["top5_class"][:, 0] == expected["top5_class"][:, 0]).mean() > 0.999
    assert np.allclose(answers["true_probability"], expected["true_probability"], atol=1e-5)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_batch_is_queued_without_waiting(model: Model, precision: str) -> None:
    runner = Runner(model, CUDA, precision, batch_size=32)
    inputs = torch.randint(0, 256, (32, 224, 224, 3), dtype=torch.uint8)
    labels = torch.arange(32)
    runner.submit(inputs, labels)  # Constants and cuDNN's plans are made once.
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            runner.submit(inputs, labels)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    answers = list(runner.drain())
    assert len(answers) == 4
    assert all((one["true_rank"] == answers[0]["true_rank"]).all() for one in answers)


class Wayward(torch.nn.Module):
    """A network whose work cannot be recorded, or not truly."""

    def __init__(self, network: torch.nn.Module, way: str) -> None:
        super().__init__()
        self.network, self.way, self.n_calls = network, way, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(images)
        if self.way == "waits" and logits.max().item() > 1e9:
            return logits * 2
        if self.way == "counts":
            self.n_calls += 1
            return logits + torch.arange(1000, device=logits.device) * self.n_calls
        return logits


@pytest.mark.parametrize("way", ["plain", "waits", "counts"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_recorded_network_answers_the_same(model: Model, precision: str, way: str) -> None:
    batches = [
        (torch.randint(0, 256, (n, 224, 224, 3), dtype=torch.uint8), torch.arange(n) * 7)
        for n in (32, 32, 32, 32, 9, 32, 32)
    ]
    answers = []
    for pool in (None, torch.cuda.graph_pool_handle()):
        network = Wayward(model.module, way)
        runner = Runner(
            replace(model, module=network), CUDA, precision, batch_size=32, graph_pool=pool
        )
        for inputs, labels in batches:
            runner.submit(inputs, labels)
        answers.append(np.concatenate(list(runner.drain())))
        assert (runner._recorded is not None) == (pool is not None and way == "plain")
        assert torch.cuda.current_stream() == torch.cuda.default_stream()
    if way == "counts":
        # It was called once more, to be recorded.
        answers = [one[: 2 * 32] for one in answers]
    for name in answers[0].dtype.names:
        np.testing.assert_array_equal(answers[0][name], answers[1][name])


def test_flat_memory(model: Model) -> None:
    runner = Runner(replace(model), CUDA, "fp32", batch_size=64)
    inputs = torch.randint(0, 256, (64, 224, 224, 3), dtype=torch.uint8)
    seen = []
    for _ in range(100):
        runner.submit(inputs, torch.arange(64))
        list(runner.ready())
        seen.append(torch.cuda.max_memory_reserved())
    list(runner.drain())
    # A few batches may be on their way at once, sooner or later; 89 came since.
    assert seen[-1] <= seen[10] + 20 * inputs.nbytes


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU only")
def test_one_gpu_after_the_other_in_one_process(model: Model) -> None:
    inputs = [torch.randint(0, 256, (32, 224, 224, 3), dtype=torch.uint8) for _ in range(6)]
    answers = []
    for device in (torch.device("cuda:0"), torch.device("cuda:1")):
        with torch.cuda.device(device):
            runner = Runner(
                *(model, device, "fp32"),
                batch_size=32,
                graph_pool=torch.cuda.graph_pool_handle(),
            )
            for one in inputs:
                runner.submit(one, torch.arange(32))
            answers.append(np.concatenate(list(runner.drain())))
        assert runner._recorded is not None
    np.testing.assert_array_equal(*(one["top5_class"] for one in answers))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU only")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_gpus_give_what_one_gives(
    real_weights: Path, folder: Path, tmp_path: Path, precision: str
) -> None:
    weights = real_weights / "squeezenet1_0_deepcompression.safetensors"
    command = [
        *("-m", "imagenetq.cli", "eval", "--model", "torchvision/squeezenet1_0"),
        *("--weights", str(weights), "--data", str(folder), "--workers", "4"),
        *("--precision", precision, "--batch-size", "50", "--out"),
    ]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for arguments in (
        [*command, str(tmp_path / "one")],
        [*torchrun, *command, str(tmp_path / "two")],
    ):
        ended = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"OMP_NUM_THREADS": "4"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    one, two = (
        Result.read(tmp_path / name / "torchvision-squeezenet1_0") for name in ("one", "two")
    )
    assert one.entry.n_images == two.entry.n_images == 50
    assert one.entry.predictions_sha256 == two.entry.predictions_sha256

"""A plain install, as users have it: in any folder, with and without extras, from the sdist."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import environments
from imagenetq.builder import build, open_source
from no_workers import no_workers

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HOSTILE = ("imagenetq", "torch", "numpy", "pickle", "signal", "random", "timm")
"""What a working directory may hold: nothing of ours may import any of it."""

ONLY = "clean,contrast-0.5"


ENTRY = next((environments.ROOT / "leaderboard" / "entries").glob("*/entry.json")).parent


def run_in(python: Path) -> Run:
    def run(
        *arguments: object, cwd: Path, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        ignored = {"PYTHONPATH", "PYTHONSAFEPATH"}
        kept = {name: value for name, value in os.environ.items() if name not in ignored}
        return subprocess.run(
            [python.with_name("imagenetq"), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=kept | environment,
        )

    return run


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with all that a user may install."""
    return environments.install(tmp_path_factory.mktemp("all") / "venv", ("eval", "ray", "sample"))


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment without extras."""
    return environments.install(tmp_path_factory.mktemp("core") / "venv")


def test_a_package_index_shows_no_relative_link(core: Path) -> None:
    (metadata,) = core.parents[1].glob("lib/python*/site-packages/imagenetq-*.dist-info/METADATA")
    targets = re.findall(r"\]\(([^)\s]+)\)", metadata.read_text(encoding="utf-8"))
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith("https://")] == []


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder with all that the checkout holds, and modules that end whatever imports them."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for path in environments.ROOT.iterdir():
        (folder / path.name).symlink_to(path)
    for name in HOSTILE:
        (folder / f"{name}.py").write_text("raise SystemExit('the working directory is searched')")
    return folder


def test_it_works_in_any_folder(python: Path, hostile: Path, tmp_path: Path) -> None:
    run, out = run_in(python), tmp_path / "q"
    for arguments in (
        ("build", "sample", "--only", ONLY, "--workers", 2, "--out", out),
        ("verify", out, "sample", "--workers", 2),
        ("eval", "--model", "baseline/nearest", "--data", out, "--workers", 2, "--out", tmp_path),
    ):
        ended = run(*arguments, cwd=hostile)
        assert ended.returncode == 0, ended.stderr
        assert "searched" not in ended.stderr
    built = (out / "manifest.json").read_bytes()
    shutil.rmtree(out)
    ray = ("build", "sample", "--only", ONLY, "--executor", "ray", "--workers", 1, "--out", out)
    ended = run(*ray, cwd=hostile, RAY_ADDRESS="local")
    assert ended.returncode == 0, ended.stderr
    assert (out / "manifest.json").read_bytes() == built
    # Of itself `-m` searches there.
    for name in ("imagenetq", "pickle", "signal"):
        (hostile / f"{name}.py").unlink()
    module = [python, "-m", "imagenetq", "spec"]
    told = subprocess.run(module, cwd=hostile, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("eval", "--model", "baseline/nearest", "--data", "x"), "torch[eval]"),
        (("models", "timm/vgg16"), "timm[eval]"),
        (("models", "onnx/x/net.onnx"), "onnx[eval]"),
        (("models", "open_clip/ViT-B-32"), "open_clip_torch[clip]"),
        (("report", ENTRY), "[eval]"),
        (("build", "sample"), "scikit-image[sample]"),
        (("build", "x", "--subset", "mini", "--executor", "ray"), "[ray]"),
        (("verify", "s3://bucket/q"), "[s3]"),
        (("verify", "gs://bucket/q"), "[gs]"),
        (("verify", "az://bucket/q"), "[az]"),
    ],
)
def test_without_an_extra_it_says_which(
    core: Path, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    image = tmp_path / "x" / "n01440764" / "ILSVRC2012_val_00000001.JPEG"
    image.parent.mkdir(parents=True)
    shutil.copy(environments.ROOT / "tests" / "golden" / "grey.jpg", image)
    shutil.copy(image, tmp_path / "x" / "net.onnx")
    ended = run_in(core)(*arguments, cwd=tmp_path)
    package, _, extra = told.partition("[")
    assert ended.returncode in (1, 2)
    line = ended.stderr.splitlines()[-1]
    assert package in line
    assert f"[{extra}" in line
    assert "defect" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("timm", ("models", "timm/vgg16")),
        ("transformers", ("models", "transformers/a/b")),
        ("onnxruntime", ("models", "onnx/net.onnx")),
        ("matplotlib", ("report", ENTRY)),
    ],
)
def test_without_one_package_it_is_named(
    python: Path, tmp_path: Path, package: str, arguments: tuple[str, ...]
) -> None:
    import onnx

    onnx.save(onnx.ModelProto(ir_version=8), tmp_path / "net.onnx")
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    links = [path for path in packages.iterdir() if path.name.split("-")[0] == package]
    assert links
    places = [(path, path.readlink()) for path in links]
    for path in links:
        path.unlink()
    try:
        ended = run_in(python)(*arguments, cwd=tmp_path)
    finally:
        for path, target in places:
            path.symlink_to(target)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"imagenetq: this needs {package}, which is not installed; pip install 'imagenetq[eval]'\n"
    )


SCRIPT = """
import sys
import numpy as np
import torch
from imagenetq.evaluate import evaluate_model

scale = 255

def large(image):
    return np.asarray(image.resize((200, 200)), np.float32).transpose(2, 0, 1) / scale

print("once")
torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten())
module.append(torch.nn.Linear(48, 1000))
for workers in (2, 0):
    result = evaluate_model(module, large, sys.argv[1], workers=workers, device="cpu")
    print(result.predictions.true_rank.tolist())
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "q"
    with no_workers():
        build(open_source("sample"), out, only=["clean"])
    return out


def evaluated(*command: object, typed: str | None = None) -> "subprocess.CompletedProcess[str]":
    ended = subprocess.run(
        [*map(str, command)], input=typed, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    once, with_workers, without = ended.stdout.splitlines()
    assert once == "once"
    assert with_workers == without
    return ended


def test_a_script_without_a_guard_evaluates(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    evaluated(sys.executable, tmp_path / "script.py", dataset)


def test_a_transform_of_a_session_is_evaluated_where_shared_memory_is_small(
    dataset: Path,
) -> None:
    small = ["unshare", "--mount", "sh", "-c"]
    small += ['mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" "$@"']
    if os.geteuid() or subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("a small /dev/shm needs root and the right to mount")
    ended = evaluated(*small, sys.executable, "-", dataset, typed=SCRIPT)
    assert ended.stderr.count("/dev/shm is full, and inputs take a slower way; give it more") >= 1
    assert "Traceback" not in ended.stderr

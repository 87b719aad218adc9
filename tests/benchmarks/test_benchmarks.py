"""The benchmarks run, on next to nothing; what they measure is not judged here."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagenetq.distortions import DISTORTIONS

FOLDER = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def report(script: str, tmp_path: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    file = tmp_path / "figures.json"
    done = run(script, *arguments, "--json", str(file))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text())


def rows(markdown: str, first_cell: str) -> list[list[str]]:
    """The rows of all tables whose first cell begins so."""
    lines = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line[:1] == "|"]
    return [cells for cells in lines if cells[0].startswith(first_cell)]


@pytest.fixture(scope="module")
def specks(make_source, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of three small crops: what a benchmark does with large ones, it does with them."""
    return str(make_source(tmp_path_factory.mktemp("specks") / "images", 3))


@pytest.fixture(scope="module")
def rendering(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    return report("render.py", tmp_path_factory.mktemp("render"), "--photos", "1", "--repeats", "1")


def test_decoding(specks: str, tmp_path: Path) -> None:
    printed, figures = report(
        "decoding.py", tmp_path, specks, *("--photos", "2"), *("--repeats", "1")
    )
    assert len(figures["ms"]) == 5
    assert min(figures["ms"].values()) > 0
    assert f"at most {figures['at_most']:.2f} times" in printed


def test_hot_spots(specks: str, tmp_path: Path) -> None:
    few = ["--models", "squeezenet1_1:fp32", "--photos", "1", "--images", "2"]
    printed, figures = report(
        "hot_spots.py", tmp_path, specks, *few, *("--device", "cpu"), *("--workers", "0")
    )
    (case,) = (figures[name] for name in figures if name != "machine")
    assert 0.5 < sum(case["host"].values()) <= 1.0001
    assert "evaluate.evaluation.runner:" in printed
    assert case["rate"] > 0


def test_render_compares_every_distortion_with_a_peer(rendering):
    printed, figures = rendering
    for distortion in DISTORTIONS:
        measured = [row[3] for row in rows(printed, f"{distortion},")]
        assert any(float(ms) > 0 for ms in measured if ms != "-"), distortion
        names = [one["name"] for one in figures["results"] if one["distortion"] == distortion]
        assert names[0] == "ours"
        assert len(names) >= 2
    assert len(rows(printed, "all 51 variants")) == 2
    assert all(ms > 0 for ms in figures["codec_floor_ms"].values())
    (share,) = rows(printed, "share of ours that is codec calls")
    assert 0 < float(share[1].rstrip("%")) < 150  # One repetition: noise may put it above 100.
    (most,) = rows(printed, "peers marked * / codec calls")
    assert float(most[1]) > 0


def test_render_names_machine_and_versions(rendering):
    printed, figures = rendering
    for name in ("CPU", "usable cores", "Python", "numpy", "Pillow", "scikit-image"):
        assert f"{name} {figures['machine'][name]}" in printed


def test_render_takes_photographs_of_any_folder(tmp_path):
    Image.new("RGB", (48, 32), "green").save(tmp_path / "speck.jpg")
    _, figures = report("render.py", tmp_path, str(tmp_path), "--photos", "1", "--repeats", "1")
    assert figures["photos"] == {"speck.jpg": [32, 48]}


@pytest.mark.skipif(find_spec("imagecorruptions") is not None, reason="it is installed")
def test_render_says_that_imagecorruptions_is_absent(rendering):
    printed, _ = rendering
    for distortion in ("noise", "contrast", "jpeg"):
        row = next(row for row in rows(printed, f"{distortion},") if "imagecorruptions" in row[2])
        assert row[3:] == ["-", "-", "not installed"]
    assert "imagecorruptions: not installed" in printed


def test_build_prints_every_part(specks, tmp_path):
    counts = ("--images", "1", "--repeats", "1", "--few", "2", "--many", "2")
    printed, figures = report("build.py", tmp_path, specks, *counts, "--only", "jpeg-10,blur-1")
    assert float(rows(printed, "codec calls alone")[0][2]) == 1
    assert figures["codecs"]["cpu_ratio"] > 1
    assert [row[1] for row in rows(printed, "noise")] == ["10"]
    assert float(rows(printed, "all")[0][3]) > 0
    assert [(one["images"], one["variants"]) for one in figures["memory"]] == [
        (2, 52),
        (2, 2),
        (2, 2),
        (2, 2),
    ]
    assert all(one["peak_bytes"] > 2**20 for one in figures["memory"])
    assert [one["workers"] for one in figures["workers"]] == [1, 2]


@pytest.mark.parametrize("script", ["render.py", "build.py"])
def test_a_folder_without_photographs_is_refused_in_one_line(script, tmp_path):
    done = run(script, str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_evaluation_meets_every_contender(specks, tmp_path):
    pytest.importorskip("torch")
    markdown, figures = report(
        "evaluation.py",
        tmp_path,
        *(specks, "--models", "mobilenet_v3_small:fp32", "--slow", "mobilenet_v3_small:fp32"),
        *("--images", "2", "--easy-images", "2", "--only", "blur-1,jpeg-10"),
        *("--batch-size", "8", "--forward-seconds", "0"),
        *("--workers", "1", "--repeats", "1", "--device", "cpu"),
    )
    contenders = figures["mobilenet_v3_small, fp32"]
    assert set(contenders) == {
        "forward only",
        "cores only: decode, resize",
        "eval --data, stored",
        "eval --source --render cpu",
        "timm's way, stored files",
    }
    assert all(rate["cpu"] > 0 for rates in contenders.values() for rate in rates)
    # Noise may hide the differences of such short runs.
    steady = [rate["steady"] for rates in contenders.values() for rate in rates]
    assert all(rate is None or rate > 0 for rate in steady)
    assert len(rows(markdown, "forward only")) == 2
    assert figures["rows"] == 2 * 3


def test_executors_compares_all_ways(specks, tmp_path):
    counts = (specks, "--images", "1", "--repeats", "1", "--only", "jpeg-10")
    printed, figures = report("executors.py", tmp_path, *counts)
    assert [row[2] for row in rows(printed, "2 local workers")] == ["1.00"]
    assert len(rows(printed, "2 shares at once")) == 1
    assert {len(laps) for ways in figures["seconds"].values() for laps in ways.values()} == {1}


def test_streaming_reads_every_image_everywhere(specks, tmp_path):
    printed, figures = report("streaming.py", tmp_path, specks, "--images", "2", "--repeats", "1")
    places = [f"datasets, parquet: {place}" for place in ("folder", "hub")]
    places += [f"webdataset, tars: {place}" for place in ("folder", "http", "hub")]
    assert set(figures["images_per_second"]) == set(places)
    for rates in figures["images_per_second"].values():
        assert all(rate[clock] > 0 for (rate,) in rates.values() for clock in ("wall", "cpu"))
    assert len(rows(printed, "webdataset, tars")) == 3


def test_gpu_meets_every_contender_on_a_cpu_too(specks, tmp_path):
    counts = ("--photos", "2", "--images", "2", "--cached-images", "2")
    counts += ("--timm-images", "0", "--sizes", "1", "2", "--forward-seconds", "0")
    model = ("--models", "mobilenet_v3_small:fp32", "--batch-size", "16", "--workers", "0")
    printed, figures = report(
        "gpu.py", tmp_path, specks, *counts, *model, "--repeats", "1", "--device", "cpu"
    )
    contenders = ["forward only", "--render gpu, 41 variants", "--cache, second model"]
    assert list(figures["mobilenet_v3_small, fp32"]) == contenders
    for name in contenders:
        assert len(rows(printed, name)) == 1
        # Noise may hide the differences of such short runs.
        steady = [rate["steady"] for rate in figures["mobilenet_v3_small, fp32"][name]]
        assert all(rate is None or rate > 0 for rate in steady)
    assert figures["sizes"].keys() == {"1", "2"}


def test_a_rate_that_noise_hides_is_said_not_made_up(monkeypatch, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    rates, watching = (pytest.importorskip(name) for name in ("rates", "watching"))
    assert rates.steady_rate(1000, small=1.0, large=3.0) == 500
    assert rates.steady_rate(1000, small=1.0, large=1.0) is None
    assert rates.steady_rate(1000, small=1.5, large=1.0) is None
    # Hidden, a rate is above what can be measured, so the median stays right.
    assert rates.median_rate([500, None, 300]) == 500
    assert rates.median_rate([500, None, None]) is None
    reached = {
        name: [rates.Rate(rate, watching.Busy(cpu=0.5)) for rate in some]
        for name, some in {"alone": [400, 400], "hidden": [None, None], "half": [200, 200]}.items()
    }
    figures = rates.report_rates("a network", reached, {"of alone": "alone"}, 2)
    printed = capsys.readouterr().out
    assert rows(printed, "hidden")[0][1:3] == ["-", "-"]
    assert rows(printed, "half")[0][1:3] == ["200", "0.50"]
    assert "take more images, or --repeats" in printed
    assert [rate["steady"] for rate in figures["hidden"]] == [None, None]


def test_gpus_share_the_images(specks, tmp_path):
    printed, figures = report(
        *("gpus.py", tmp_path, specks, "--gpus", "2", "--images", "1", "--photos", "1"),
        *("--model", "mobilenet_v3_small:fp32", "--batch-size", "16", "--device", "cpu"),
    )
    assert figures["seconds"].keys() == {"2"}
    assert rows(printed, "2")[0][-1] == "1.00"


def test_distort_meets_every_distortion(specks, tmp_path):
    printed, figures = report(
        *("distort.py", tmp_path, specks, "--batches", "2x24x32", "--seconds", "0"),
        *("--images", "2", "--workers", "0", "--network", "mobilenet_v3_small", "--step", "2"),
        *("--device", "cpu"),
    )
    measured = figures["2 of 32x24"]
    assert [row["distortion"] for row in measured] == [*DISTORTIONS]
    assert all(row["Distort"] > 0 < row["transform in workers"] for row in measured)
    by_name = {row["distortion"]: row for row in measured}
    # Both use libjpeg-turbo here; nobody else has JPEG 2000.
    assert by_name["jpeg"]["torchvision differs"].startswith("0.0")
    assert "torchvision" not in by_name["jpeg2000"]
    assert len(rows(printed, "jpeg2000")) == 1

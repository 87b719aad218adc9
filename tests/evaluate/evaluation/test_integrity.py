"""A finished result is never lost unsaid, and no evaluation takes another's answers."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import evaluation_tasks
import killing
from imagenetq.builder import build, open_source
from imagenetq.errors import EvaluationError
from imagenetq.evaluate import (
    CleanSource,
    Result,
    Settings,
    evaluate,
    evaluate_model,
    folder_of,
    load_model,
    open_data,
)
from imagenetq.evaluate.evaluation.folder_lock import locked
from imagenetq.evaluate.models import LoadOptions
from imagenetq.evaluate.models.weights import Weights
from imagenetq.files import sha256_of

TINY = "python/tiny_models:tiny"
SETTINGS = Settings(only=["clean"])
OVERWRITE = Settings(only=["clean"], overwrite=True)


@pytest.fixture(scope="module")
def source(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("source") / "images", 12)


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "q"
    build(open_source(source), out, subset="mini", only=["clean", "blur-3"])
    return out


def other_mean(mean: float = 0.0) -> LoadOptions:
    return LoadOptions(preprocessing={"mean": mean})


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        (other_mean(), SETTINGS, r"preprocessing was mean \[0.5, 0.5, 0.5\], now mean \[0.0"),
        (LoadOptions(), Settings(), r"variants was \['clean'\], now \['clean', 'blur-3'\]"),
        (LoadOptions(), Settings(only=["clean"], limit=5), "photographs was 12, now 5"),
        (LoadOptions(), Settings(only=["clean"], precision="bf16"), "was fp32, now bf16"),
        (
            LoadOptions(class_map=tuple(reversed(range(1000)))),
            SETTINGS,
            "class map was none, now",
        ),
    ],
)
def test_another_result_is_kept_until_one_insists(
    folder: Path, tmp_path: Path, options: LoadOptions, settings: Settings, said: str
) -> None:
    data = open_data(str(folder))
    evaluate([load_model(TINY)], data, tmp_path, SETTINGS)
    before = files(tmp_path)
    with pytest.raises(EvaluationError, match=f"finished result .*{said}.*--overwrite"):
        evaluate([load_model(TINY, options)], data, tmp_path, settings)
    assert files(tmp_path) == before
    (new,) = evaluate(
        [load_model(TINY, options)], data, tmp_path, replace(settings, overwrite=True)
    )
    (kept,) = tmp_path.iterdir()
    assert set(files(tmp_path)) == {"entry.json", "predictions.parquet"}
    assert Result.read(kept).entry == new.entry


def test_all_differences_are_named_at_once(folder: Path, tmp_path: Path) -> None:
    data = open_data(str(folder))
    evaluate([load_model(TINY)], data, tmp_path, SETTINGS)
    with pytest.raises(
        EvaluationError, match=r"preprocessing was .*variants was .*photographs was 12"
    ):
        evaluate([load_model(TINY, other_mean())], data, tmp_path, Settings(limit=3))


def test_a_rendered_result_of_another_source_is_kept(
    source: Path, make_source, tmp_path: Path
) -> None:
    """The digest of a source is known only at the end; nothing is lost, nor computed twice."""
    other = make_source(tmp_path / "other", 12)
    names = sorted(other.rglob("*.JPEG"))
    names[0].write_bytes(names[1].read_bytes())
    out = tmp_path / "r"

    def rendered(path: Path) -> CleanSource:
        return CleanSource(open_source(path), originals=tmp_path / "o", subset="mini")

    (first,) = evaluate([load_model(TINY)], rendered(source), out, SETTINGS)
    (again,) = evaluate([load_model(TINY)], rendered(source), out, SETTINGS)
    assert first.entry.predictions_sha256 == again.entry.predictions_sha256
    with pytest.raises(EvaluationError, match=r"source digest was .*now .*--overwrite"):
        evaluate([load_model(TINY)], rendered(other), out, SETTINGS)
    assert Result.read(next(out.iterdir())).entry == again.entry
    # What was finished for the other source is no answer for this one.
    (third,) = evaluate([load_model(TINY)], rendered(source), out, SETTINGS)
    assert third.entry.source_digest == first.entry.source_digest
    assert third.entry.predictions_sha256 == first.entry.predictions_sha256


def test_a_result_of_other_data_is_kept(
    source: Path, folder: Path, make_source, tmp_path: Path
) -> None:
    """Another built dataset, and another subset of the same source."""
    other = tmp_path / "q"
    build(open_source(make_source(tmp_path / "other", 11)), other, subset="mini", only=["clean"])
    out = tmp_path / "r"
    evaluate([load_model(TINY)], open_data(str(folder)), out, SETTINGS)
    before = files(out)
    with pytest.raises(
        EvaluationError, match=r"source digest was .*now .*; number of photographs was 12, now 11"
    ):
        evaluate([load_model(TINY)], open_data(str(other)), out, SETTINGS)
    full = CleanSource(
        open_source(source), originals=tmp_path / "o", subset="full", allow_short=True
    )
    with pytest.raises(EvaluationError, match=r"finished result .*subset was mini, now full"):
        evaluate([load_model(TINY)], full, out, SETTINGS)
    assert files(out) == before


def test_two_files_of_weights_get_two_folders() -> None:
    model = load_model(TINY)
    one = replace(model, weights_file="best.pth", weights=Weights("a" * 64, ""))
    two = replace(one, weights=Weights("b" * 64, ""))
    assert folder_of(model) == "python-tiny_models-tiny"
    assert folder_of(one) == "python-tiny_models-tiny-best-aaaaaaaa"
    assert folder_of(two) == "python-tiny_models-tiny-best-bbbbbbbb"


def test_a_network_at_hand_replaces_none(folder: Path, tmp_path: Path) -> None:
    import torch

    import tiny_models

    module, preprocessing = tiny_models.tiny()
    options = {"out": tmp_path, "workers": 0, "device": "cpu", "only": ["clean"]}
    evaluate_model(module, preprocessing, folder, **options)
    with torch.no_grad():
        module[0].bias += 1
    with pytest.raises(EvaluationError, match="weights sha256 was"):
        evaluate_model(module, preprocessing, folder, **options)
    evaluate_model(module, preprocessing, folder, overwrite=True, **options)


def names(folder: Path) -> set[str]:
    """All paths in a folder, without what is drawn in a temporary one."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return {re.sub(r"\.tmp-[0-9a-f]+", ".tmp", path) for path in paths}


def test_killed_at_any_step_of_its_end_it_leaves_nothing_to_another(
    folder: Path, tmp_path: Path
) -> None:
    """Whatever the moment: another evaluation gets its own answers, the same one ends well."""
    data = open_data(str(folder))
    (own,) = evaluate([load_model(TINY)], data, tmp_path / "own", SETTINGS)
    (others,) = evaluate([load_model(TINY, other_mean())], data, tmp_path / "others", SETTINGS)
    whole, copies = tmp_path / "whole", tmp_path / "copies"
    whole.mkdir()
    steps = killing.run(evaluation_tasks.evaluate_tiny, folder, whole, below=whole, copy_to=copies)
    end = next(n for n, step in enumerate(steps) if "predictions.parquet" in step)
    assert len(steps) - end > 8, steps
    really = tmp_path / "really"
    killing.run(evaluation_tasks.evaluate_tiny, folder, really, below=really, kill_at=end + 4)
    assert names(really) == names(copies / str(end + 4))
    for number in range(end, len(steps)):
        killed, taken = copies / str(number), tmp_path / f"taken-{number}"
        shutil.copytree(killed, taken)
        with pytest.raises(EvaluationError, match="preprocessing was mean"):
            evaluate([load_model(TINY, other_mean())], data, taken, SETTINGS)
        other = [load_model(TINY, other_mean())]
        for models, out, settings, expected in (
            (other, taken, OVERWRITE, others),
            ([load_model(TINY)], killed, SETTINGS, own),
        ):
            (result,) = evaluate(models, data, out, settings)
            assert result.entry.predictions_sha256 == expected.entry.predictions_sha256
            # Killed at the very last step, it leaves an empty lock, which bars nobody.
            left = set(files(out)) - ({".lock"} if number == len(steps) - 1 else set())
            assert left == {"entry.json", "predictions.parquet"}, steps[number]
            written = sha256_of(next(out.iterdir()) / "predictions.parquet")
            assert written == result.entry.predictions_sha256


def test_one_evaluation_at_a_time_holds_a_folder(folder: Path, tmp_path: Path) -> None:
    data, model = open_data(str(folder)), load_model(TINY)
    with (
        locked(tmp_path / folder_of(model)),
        pytest.raises(EvaluationError, match="another evaluation is writing there"),
    ):
        evaluate([model], data, tmp_path, SETTINGS)
    evaluate([model], data, tmp_path, SETTINGS)


def test_a_killed_holder_never_blocks(folder: Path, tmp_path: Path) -> None:
    model = load_model(TINY)
    place = tmp_path / folder_of(model)
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from imagenetq.evaluate.evaluation.folder_lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(EvaluationError, match="another evaluation is writing"):
        evaluate([model], open_data(str(folder)), tmp_path, SETTINGS)
    holder.kill()
    holder.communicate()
    evaluate([model], open_data(str(folder)), tmp_path, SETTINGS)
    assert set(files(place)) == {"entry.json", "predictions.parquet"}

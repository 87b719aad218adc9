"""Many models from a file: each a line with its own options; what fails keeps no other back."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from imagenetq.builder import build, open_source
from imagenetq.commands.models_file import read_models
from imagenetq.errors import UsageError
from imagenetq.evaluate import LoadOptions, Result, evaluate_zoo, open_data
from imagenetq.evaluate.evaluation import zoo

TINY = "python/tiny_models:tiny"


@pytest.fixture(scope="module")
def folder(make_source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zoo")
    source = open_source(make_source(root / "images", 6))
    build(source, root / "q", subset="mini", only=["clean", "blur-3"], workers=1)
    return root / "q"


def test_a_line_is_what_the_command_line_takes(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text("[1, 0]")
    path = tmp_path / "zoo.txt"
    path.write_text(
        "# all of it\n\n"
        "timm/resnet50 --weights 'my x.safetensors' --mean 0.5 --std 0.5,0.4,0.3  # quoted\n"
        "timm/vit_tiny --model-arg a=1 --model-arg b=two --input-size 384 --interpolation bicubic\n"
        f"timm/vgg16 --class-map {tmp_path / 'map.json'} --weights-key ema\n"
    )
    assert [(listed.name, listed.options) for listed in read_models(path)] == [
        (
            "timm/resnet50",
            LoadOptions("my x.safetensors", {}, {"mean": 0.5, "std": (0.5, 0.4, 0.3)}),
        ),
        (
            "timm/vit_tiny",
            LoadOptions(
                None, {"a": 1, "b": "two"}, {"input_size": 384, "interpolation": "bicubic"}
            ),
        ),
        ("timm/vgg16", LoadOptions(class_map=(1, 0), weights_key="ema")),
    ]
    assert str(read_models(path)[1]) == f"{path}, line 4: timm/vit_tiny"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("timm/a --weight x", "No such option: --weight"),
        ("timm/a --mean x", "--mean x: give numbers, separated by commas"),
        ("timm/a --mean", "'--mean' requires an argument"),
        ("timm/a timm/b", "unexpected extra argument"),
        ("--mean 0.5", "Missing argument 'SOURCE/NAME'"),
        ("timm/a 'b", "No closing quotation"),
        ("timm/a --interpolation soft", "'soft' is not one of"),
        ("timm/a --help", "No such option: --help"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "zoo.txt"
    path.write_text(f"timm/fine\n{line}\n")
    with pytest.raises(UsageError) as refused:
        read_models(path)
    assert str(refused.value).startswith(f"{path}, line 2: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_without_models_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zoo.txt"
    with pytest.raises(UsageError, match="No such file"):
        read_models(path)
    path.write_text("# none\n")
    with pytest.raises(UsageError, match="no model in it"):
        read_models(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        read_models(path)


def test_what_fails_keeps_no_other_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "zoo.txt"
    path.write_text(
        f"{TINY}\n"
        "python/tiny_models:broken\n"
        "python/tiny_models:absent\n"
        f"{TINY} --mean 0.4\n"
        "python/tiny_models:large --mean 0.4\n"
    )
    passes: list[list[str]] = []
    evaluate = zoo.evaluate

    def seen(models, *rest) -> list[Result]:
        passes.append([model.name for model in models])
        return evaluate(models, *rest)

    monkeypatch.setattr(zoo, "evaluate", seen)
    data = open_data(str(folder))
    outcomes = list(evaluate_zoo(read_models(path), data, tmp_path / "results"))
    # Equal preprocessing shares a pass; where one fails, each is evaluated by itself.
    broken, large = (f"python/tiny_models:{name}" for name in ("broken", "large"))
    assert passes == [[TINY, broken], [TINY], [broken], [large]]
    missing, doubled, done, failed, last = outcomes
    assert (str(missing.model), str(failed.model)) == (
        f"{path}, line 3: python/tiny_models:absent",
        f"{path}, line 2: {broken}",
    )
    assert "has no model 'absent'" in missing.reason
    assert doubled.reason.startswith("its result has the same folder, python-tiny_models-tiny")
    assert f"{path}, line 1" in doubled.reason
    assert "not numbers" in failed.reason
    assert [done.entry.model.name, last.entry.model.name] == [TINY, large]
    assert last.entry.model.overrides == {"mean": 0.4}
    stored = tmp_path / "results" / "python-tiny_models-tiny" / "predictions.parquet"
    before = stored.stat().st_mtime_ns
    path.write_text(f"{TINY}\n")
    (again,) = evaluate_zoo(read_models(path), data, tmp_path / "results")
    assert again.entry.predictions_sha256 == done.entry.predictions_sha256
    assert stored.stat().st_mtime_ns == before


def test_each_model_is_loaded_once_as_far_as_memory_goes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load_model = zoo.load_model

    def counted(name: str, options: LoadOptions) -> zoo.Model:
        loads.append(name)
        return load_model(name, options)

    monkeypatch.setattr(zoo, "load_model", counted)
    models = [zoo.Listed(TINY), zoo.Listed("python/tiny_models:large")]
    data = open_data(str(folder))
    first = [outcome.entry.predictions_sha256 for outcome in evaluate_zoo(models, data, tmp_path)]
    assert loads == [listed.name for listed in models]
    loads.clear()
    monkeypatch.setattr(zoo, "_PARAMETERS_A_PASS", load_model(TINY).parameters)
    again = evaluate_zoo(models, data, tmp_path / "again")
    assert [outcome.entry.predictions_sha256 for outcome in again] == first
    assert loads == [models[0].name, models[1].name, models[1].name]


def test_failures_are_told_at_the_end(folder: Path, tmp_path: Path, call) -> None:
    path = tmp_path / "zoo.txt"
    path.write_text("python/tiny_models:absent  # none\ntimm\n")
    told = call("eval", "--models", path, "--data", folder, "--out", tmp_path / "results")
    assert told.returncode == 1
    first, second, last = told.stderr.splitlines()[-3:]
    assert first.startswith(f"{path}, line 1: python/tiny_models:absent: ")
    assert second.startswith(f"{path}, line 2: timm: no model 'timm'")
    assert last == "imagenetq: 2 of 2 models failed; the others are done"


def test_what_every_model_would_meet_ends_the_list(folder: Path, tmp_path: Path, call) -> None:
    path = tmp_path / "zoo.txt"
    path.write_text(f"{TINY}\n")
    told = call("eval", "--models", path, "--data", folder, "--only", "blur-9", "--out", tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert "the data hold no blur-9" in told.stderr
    both = call("eval", "--models", path, "--model", TINY)
    assert (both.returncode, "or a file of them by --models" in both.stderr) == (2, True)
    neither = call("eval")
    assert (neither.returncode, "name a model by --model" in neither.stderr) == (2, True)
    shared = call("eval", "--models", path, "--mean", "0.5")
    assert (shared.returncode, "on its line of --models" in shared.stderr) == (2, True)


def test_several_processes_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="CUDA_VISIBLE_DEVICES"):
        next(evaluate_zoo([], open_data(str(folder)), tmp_path))


def test_no_pass_holds_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny_models import PREPROCESSING

    def known(*names: str) -> list[zoo._Known]:
        return [zoo._Known(zoo.Listed(name), PREPROCESSING, 10) for name in names]

    def sizes(held: list[zoo._Known]) -> list[int]:
        return [len(group) for group in zoo._groups(held)]

    assert sizes(known(*map(str, range(10)))) == [8, 2]
    assert sizes(known("a", "b", "a")) == [2, 1]
    monkeypatch.setattr(zoo, "_PARAMETERS_A_PASS", 25)
    assert sizes(known("a", "b", "c")) == [2, 1]

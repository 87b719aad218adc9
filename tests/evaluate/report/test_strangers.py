"""What an entry asks for is not done where it would run code or open files."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
timm = pytest.importorskip("timm")

from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate import LoadOptions, Result, load_model  # noqa: E402
from imagenetq.evaluate.leaderboard.checks.findings import Verdict  # noqa: E402
from imagenetq.evaluate.leaderboard.checks.rerun import run_again  # noqa: E402
from imagenetq.evaluate.leaderboard.site.reproduce_command import options  # noqa: E402
from imagenetq.evaluate.report.entry_networks import load_networks  # noqa: E402

Trap = tuple[str, dict[str, Any]]

WRITES = "from pathlib import Path\nPath({marker!r}).touch()\n"


class Writing:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def folder_of_a_resnet(folder: Path) -> None:
    from transformers import ResNetConfig, ResNetForImageClassification
    from transformers.models.convnext.image_processing_pil_convnext import (
        ConvNextImageProcessorPil,
    )

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic", num_labels=1000
    )
    ResNetForImageClassification(config).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 64}).save_pretrained(folder)


def change_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


def pickled_weights(folder: Path, marker: Path) -> Trap:
    folder_of_a_resnet(folder)
    (folder / "model.safetensors").unlink()
    torch.save({"a": Writing(marker)}, folder / "pytorch_model.bin")
    # To guess the type, transformers reads the file before it does so safely.
    change_config(folder, lambda config: config.pop("dtype"))
    arguments = {"use_safetensors": False, "weights_only": False, "dtype": "auto"}
    return f"transformers/{folder}", arguments


def code_of_a_repository(folder: Path, marker: Path) -> Trap:
    folder_of_a_resnet(folder)
    theirs = {"model_type": "unheard", "auto_map": {"AutoConfig": "writing.Config"}}
    change_config(folder, lambda config: config.update(theirs))
    (folder / "writing.py").write_text(
        WRITES.format(marker=str(marker))
        + "from transformers import PreTrainedConfig\nclass Config(PreTrainedConfig): pass\n"
    )
    return f"transformers/{folder}", {"trust_remote_code": True}


def a_callables_argument(folder: Path, marker: Path) -> Trap:
    folder.mkdir()
    (folder / "obliging.py").write_text(
        "from pathlib import Path\nimport tiny_models\n"
        "def net(log):\n    Path(log).touch()\n    return tiny_models.tiny()\n"
    )
    sys.path.insert(0, str(folder))
    return "python/obliging:net", {"log": str(marker)}


@pytest.mark.parametrize("make", [pickled_weights, code_of_a_repository, a_callables_argument])
def test_what_runs_code_when_given_by_hand_is_refused_from_an_entry(
    make: Callable[[Path, Path], Trap],
    results: list[Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    marker = tmp_path / "ran"
    name, arguments = make(tmp_path / "net", marker)
    # The trap is a live one: what a user types runs.
    with suppress(ModelError):
        load_model(name, LoadOptions(arguments=arguments))
    assert marker.exists()
    marker.unlink()

    entry = with_model(results[0], name=name, arguments=arguments)
    with pytest.raises(ModelError, match=f"asks for the argument '{next(iter(arguments))}', which"):
        load_networks([entry], [name])
    assert options(entry.entry) == ""
    assert not marker.exists()


def test_a_file_that_an_entry_names_is_not_opened(results: list[Result], tmp_path: Path) -> None:
    file = tmp_path / "theirs.pth"
    torch.manual_seed(1)
    torch.save(timm.create_model("resnet10t").state_dict(), file)
    name, arguments = "timm/resnet10t", {"pretrained_cfg_overlay": {"file": str(file)}}
    by_hand = load_model(name, LoadOptions(arguments=arguments))
    assert by_hand.weights_sha256 == load_model(name, LoadOptions(str(file))).tensors_sha256

    entry = with_model(
        results[0], name=name, arguments=arguments, weights_sha256=by_hand.weights_sha256
    )
    with pytest.raises(ModelError, match="'pretrained_cfg_overlay', which is no plain value"):
        load_networks([entry], [name])
    assert load_model(name, LoadOptions(str(file), {"drop_rate": 0.5})).arguments


def test_a_rerun_imports_nothing_that_an_entry_names(
    results: list[Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "on_import.py").write_text(
        WRITES.format(marker=str(marker)) + "from tiny_models import tiny as net\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    # Data are not looked at before the name is.
    data: Any = None
    for number, change, message in (
        (1, {"name": "python/on_import:net"}, "may load code or files of the submitter's"),
        (2, {"name": "onnx/on_import.py"}, "may load code or files of the submitter's"),
        (3, {"arguments": {"weights_only": False}}, "'weights_only' is no plain value"),
        (4, {"arguments": {"config": "evil"}}, "'config' is no plain value"),
    ):
        folder = tmp_path / f"entry{number}"
        with_model(results[0], **change).write(folder)
        (folder / "submission.json").write_text(
            '{"name": "a", "link": "https://a.org", "paper": null, "training_data": "b",'
            ' "notes": ""}'
        )
        with pytest.raises(UsageError, match=message):
            run_again(folder, Verdict(folder.name, ()), data, n_pairs=1)
    assert not marker.exists()
    load_model("python/on_import:net")
    assert marker.exists()


def with_model(result: Result, **changes: Any) -> Result:
    model = result.entry.model.model_copy(update=changes)
    return Result(result.entry.model_copy(update={"model": model}), result.predictions)

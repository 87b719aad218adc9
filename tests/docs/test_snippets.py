"""The Python in the documents runs; what needs ImageNet, a GPU or the Hub names what there is."""

import ast
import builtins
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image

from documents import Fence, fences
from imagenetq.builder import build, open_source
from imagenetq.evaluate import Preprocessing, evaluate, evaluate_model, load_model, open_data

CHOSEN = ("clean", "blur-3", "jpeg")
FAR = ("ORG/", "/data/", "IMAGENET1K_V1", "annotations/")
"""What stands in blocks that want what only users have: a repository, ImageNet, weights, COCO."""

BLOCKS = fences("python")


def stands_alone(fence: Fence) -> bool:
    """Whether a block uses no name that it does not define, and nothing that is far away."""
    nodes = [*ast.walk(ast.parse(fence.text))]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    defined = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
    return {node.id for node in names} <= defined and not any(far in fence.text for far in FAR)


ALONE = [fence for fence in BLOCKS if not fence.title and stands_alone(fence)]


def name(fence: Fence) -> str:
    return f"{fence.document}:{fence.text.strip().splitlines()[-1][:40]}"


@pytest.fixture(scope="module")
def place(
    module_in_this_process: None,
    make_source: Callable[[Path, int], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with what the documents' reader has by then. Not to be changed by a test."""
    del module_in_this_process
    folder = tmp_path_factory.mktemp("place")
    source = open_source(make_source(folder / "photographs", 4))
    build(source, folder / "imagenet-q", subset="mini", only=CHOSEN)
    tars = folder / "imagenet-q-tars"
    build(source, tars, subset="mini", only=CHOSEN, format_name="webdataset")
    data = open_data(folder / "imagenet-q")
    evaluate([load_model("baseline/nearest")], data, folder / "results")
    size = Preprocessing(32, "bilinear", (32, 32), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    module = torchvision.models.squeezenet1_1(weights=None)
    evaluate_model(module, size, data, out=folder / "results", workers=0)
    (folder / "photos" / "some").mkdir(parents=True)
    for path in ("photo.jpg", "photos/some/a.jpg", "photos/some/b.jpg"):
        Image.new("RGB", (60, 40), (200, 90, 30)).save(folder / path)
    return folder


@pytest.mark.parametrize("fence", ALONE, ids=name)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_block_runs(
    fence: Fence, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    shutil.copytree(place, here)
    monkeypatch.chdir(here)
    exec(compile(fence.text, fence.document, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("fence", BLOCKS, ids=name)
def test_what_a_block_imports_of_ours_exists(fence: Fence) -> None:
    for node in ast.walk(ast.parse(fence.text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imagenetq"):
            module = importlib.import_module(node.module or "")
            assert [n.name for n in node.names if not hasattr(module, n.name)] == []


def test_the_model_of_ones_own_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine,) = [fence for fence in BLOCKS if fence.title == "mine.py"]
    (tmp_path / "mine.py").write_text(mine.text)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "mine.pt")
    monkeypatch.chdir(tmp_path)
    model = load_model("python/mine:net")
    assert isinstance(model.preprocessing, Preprocessing)
    assert model.preprocessing.input_size == (224, 224)
    assert len(mine.text.strip().splitlines()) <= 12


def test_most_blocks_stand_alone() -> None:
    assert len(ALONE) >= len(BLOCKS) / 2

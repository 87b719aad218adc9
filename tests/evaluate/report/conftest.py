"""Real results to report on: a small network and the baseline, on the embedded photographs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from imagenetq.builder import open_source  # noqa: E402
from imagenetq.evaluate import (  # noqa: E402  # noqa: E402
    CleanSource,
    LoadOptions,
    Model,
    Result,
    Settings,
    evaluate,
    load_model,
)
from imagenetq.evaluate.report.pictures import Pictures, pictures_of_source  # noqa: E402

TINY = "python/tiny_models:tiny"
REAL = "torchvision/squeezenet1_0"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads on busy cores spend their time waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two results in all variants: the tiny network's and the baseline's."""
    out = tmp_path_factory.mktemp("results")
    data = CleanSource(open_source("sample"), originals=out / "originals")
    evaluate([load_model(TINY), load_model("baseline/nearest")], data, out)
    return [out / "python-tiny_models-tiny", out / "baseline-nearest"]


@pytest.fixture(scope="session")
def results(folders: list[Path]) -> list[Result]:
    return [Result.read(folder) for folder in folders]


@pytest.fixture(scope="session")
def tiny() -> Model:
    return load_model(TINY)


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    return pictures_of_source(open_source("sample"))


@pytest.fixture(scope="session")
def real_file(real_weights: Path) -> str:
    return str(real_weights / "squeezenet1_0_deepcompression.safetensors")


@pytest.fixture(scope="session")
def real_result(
    real_file: str, imagenet_sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Result:
    """SqueezeNet on four real photographs."""
    out = tmp_path_factory.mktemp("real")
    data = CleanSource(open_source(str(imagenet_sample)), originals=out / "o", subset="mini")
    settings = Settings(only=["blur-2", "noise-50", "jpeg-10"], limit=4)
    model = load_model(REAL, LoadOptions(weights=real_file))
    (result,) = evaluate([model], data, out, settings)
    return result


@pytest.fixture
def few_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what has tests of its own, and takes long to draw."""
    from imagenetq.evaluate.report import report_writer

    own = ("consistency", "classes", "risk", "stability")
    kept = {name: kind for name, kind in report_writer.KINDS.items() if name not in own}
    monkeypatch.setattr(report_writer, "KINDS", kept)

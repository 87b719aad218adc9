"""Who renders: the device if it may and gives the same samples, else the workers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from exactness import PREPROCESSINGS
from imagenetq.builder import build, open_source
from imagenetq.errors import PlatformError, UsageError
from imagenetq.evaluate import CleanSource, OpaquePreprocessing, Settings, open_data
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.inputs import choose_engine as choosing
from imagenetq.evaluate.inputs.choose_engine import choose_engine
from imagenetq.torch.engine import TENSORS, Engine
from imagenetq.torch.engine_check import difference

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return CleanSource(open_source("sample"), originals=tmp_path_factory.mktemp("originals"))


def _faulty() -> Engine:
    """An engine whose contrast is off by one in one sample."""

    def contrast(original, factors, out):  # type: ignore[no-untyped-def]
        TENSORS.distortions["contrast"](original, factors, out)
        out.images(0)[0, 0, 0, 0] ^= 1

    return replace(TENSORS, distortions=TENSORS.distortions | {"contrast": contrast})


def test_a_cpu_leaves_rendering_to_the_workers(clean: Data) -> None:
    assert choose_engine("auto", CPU, clean, PREPROCESSINGS) is None
    assert choose_engine("cpu", CPU, clean, PREPROCESSINGS) is None


def test_a_device_renders_when_told_to(clean: Data) -> None:
    assert choose_engine("gpu", CPU, clean, PREPROCESSINGS) is TENSORS


def test_stored_images_are_not_rendered(tmp_path: Path) -> None:
    build(open_source("sample"), tmp_path / "q", only=["clean"], workers=1)
    stored = open_data(tmp_path / "q")
    assert choose_engine("auto", torch.device("cuda"), stored, PREPROCESSINGS) is None
    with pytest.raises(UsageError, match="stored images are not rendered; give --source"):
        choose_engine("gpu", CPU, stored, PREPROCESSINGS)


@pytest.mark.parametrize(
    "preprocessing",
    [
        OpaquePreprocessing(print),
        replace(PREPROCESSINGS[0], interpolation="lanczos"),
        replace(PREPROCESSINGS[0], crop=None),
    ],
)
def test_a_preprocessing_that_the_device_has_not(clean: Data, preprocessing: object) -> None:
    wanted = [PREPROCESSINGS[0], preprocessing]
    assert choose_engine("auto", torch.device("cuda"), clean, wanted) is None
    with pytest.raises(UsageError, match="this model's preprocessing is not among those"):
        choose_engine("gpu", CPU, clean, wanted)


def test_a_device_that_gives_other_pixels_is_refused(
    clean: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "engine_for", lambda _: _faulty())
    with pytest.raises(PlatformError, match=r"contrast-1.0 is another on cpu than on the CPU"):
        choose_engine("gpu", CPU, clean, PREPROCESSINGS[:1])


def test_a_device_on_which_rendering_fails_is_refused() -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no kernel image\nfor this device")

    engine = replace(TENSORS, distortions={"blur": broken})
    assert difference(engine, CPU) == "rendering on cpu fails (no kernel image for this device)"


def test_a_gpu_must_be_there_to_render() -> None:
    with pytest.raises(UsageError, match="--render gpu: there is no GPU here"):
        Settings.of(device="cpu", render="gpu")
    with pytest.raises(UsageError, match="no --render 'fast'; there are auto, cpu, gpu"):
        Settings.of(device="cpu", render="fast")

"""Kernels compiled at run time, which needs no GPU, and kept on disk."""

import sys
from pathlib import Path

import pytest

from imagenetq.errors import PlatformError
from imagenetq.torch.jpeg2000 import compiling
from imagenetq.torch.jpeg2000.compiling import KERNELS, binary_of
from imagenetq.torch.jpeg2000.group import DEFINITIONS

HOPPER = ("--gpu-architecture=sm_90",)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return compiling.cache_folder()


@pytest.fixture
def definitions() -> tuple[str, ...]:
    pytest.importorskip("cuda.bindings", reason="no cuda.bindings here")
    try:
        compiling._call("nvrtcVersion")
    except PlatformError as reason:
        pytest.skip(str(reason))
    return ("--std=c++17", *(f"-D{name}={value}" for name, value in DEFINITIONS.items()))


@pytest.mark.parametrize("source", KERNELS)
def test_every_source_compiles_and_is_kept(
    source: str, folder: Path, definitions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = ("--gpu-architecture=sm_80",)
    first = binary_of(source, (*definitions, *oldest))
    assert first.startswith(b"\x7fELF")
    for name in KERNELS[source]:
        assert name.encode() in first
    assert [path.read_bytes() for path in folder.iterdir()] == [first]
    monkeypatch.setattr(compiling, "_compile", lambda *_: pytest.fail("compiled again"))
    assert binary_of(source, (*definitions, *oldest)) == first


def test_other_options_are_other_kernels(folder: Path, definitions: tuple[str, ...]) -> None:
    binary_of("values.cu", (*definitions, *HOPPER))
    binary_of("values.cu", (*definitions, *HOPPER, "--fmad=false"))
    assert len(list(folder.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_said(
    folder: Path, definitions: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.parent.parent.mkdir()
    folder.parent.write_text("a file where the folder would be")
    assert binary_of("values.cu", (*definitions, *HOPPER))
    said = capsys.readouterr().err
    assert "kernels are compiled anew in every run" in said
    assert len(said.splitlines()) == 1


def test_a_source_that_does_not_compile_is_said_in_a_line(definitions: tuple[str, ...]) -> None:
    with pytest.raises(PlatformError, match=r"NVRTC_ERROR_INVALID_OPTION.*invalid value") as caught:
        binary_of("values.cu", (*definitions, "--gpu-architecture=sm_1"))
    assert "\n" not in str(caught.value)


def test_without_the_bindings_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(PlatformError, match="needs the package cuda-bindings"):
        binary_of("values.cu", HOPPER)

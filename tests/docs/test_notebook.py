"""The notebook runs from its first cell to its last, and gives what it shows."""

import runpy
from typing import Any

import pytest

from documents import ROOT

nbformat = pytest.importorskip("nbformat", reason="no nbformat; pip install nbclient ipykernel")

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"
SCRIPT = ROOT / "docs" / "run_notebook.py"


def shown(notebook: Any) -> list[str]:
    """What a reader sees as text below each cell."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.data["text/plain"] for output in outputs]


# jupyter_client's own, at start and end of a kernel.
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:.*CurveZMQ"
)
def test_it_runs_and_gives_what_it_shows() -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    assert shown(runpy.run_path(str(SCRIPT))["run"]()) == shown(kept)


def test_it_is_small_and_whole() -> None:
    assert NOTEBOOK.stat().st_size < 100_000
    kept = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code)
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)

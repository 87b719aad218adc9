"""Run the quick start's notebook where it is, and keep what it gives: `make notebook`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("quickstart.ipynb")


def run(path: Path = NOTEBOOK) -> Any:
    """Execute a notebook in an empty folder; returns it with those outputs that repeat."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata = {}  # Times.
        if cell.cell_type == "code":
            # Progress goes to standard error, and is another at every run.
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                data = output.get("data", {})
                if "image/jpeg" in data:
                    data.pop("image/png", None)  # The same picture, in ten times the bytes.
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return notebook


if __name__ == "__main__":
    nbformat.write(run(), NOTEBOOK)

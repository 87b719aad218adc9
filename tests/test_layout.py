"""The map in CONTRIBUTING.md is the import linter's rule, and each room says its use."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for folder in ("builder", "evaluate")
    for path in (ROOT / folder).rglob("__init__.py")
    if path.parent != ROOT / folder
)


def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        contract["name"]: contract for contract in settings["tool"]["importlinter"]["contracts"]
    }


def drawn_map() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(r"```text\n(imagenetq\.cli\n.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


@pytest.mark.parametrize(
    ("name", "column"), [("a build goes one way", 0), ("an evaluation goes one way", 1)]
)
def test_the_map_shows_the_layers(name: str, column: int) -> None:
    rows = [re.split(r" {4,}", line.strip()) for line in drawn_map()]
    drawn = [row[column] for row in rows[2:-1] if len(row) > column]
    assert drawn == contracts()[name]["layers"]


def test_every_module_of_the_contract_is_held_to_it() -> None:
    modules = {
        f"imagenetq.{path.stem}"
        for path in (ROOT / "src" / "imagenetq").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    front = {"imagenetq.__init__", "imagenetq.__main__", "imagenetq.cli", "imagenetq.commands"}
    held = contracts()["the contract needs nothing of ours"]["source_modules"]
    assert set(held) == modules - front
    without_torch = contracts()["of the contract only imagenetq.torch needs torch"]
    assert set(without_torch["source_modules"]) == modules - front - {"imagenetq.torch"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_comes_in_and_what_goes_out(room: str) -> None:
    says = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8")))
    assert says is not None
    assert re.match(r".+ comes? in; .+ (go|goes) out\b", says.splitlines()[0])

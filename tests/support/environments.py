"""Environments as a user's `pip install` makes them, in a second: packages are only linked."""

import shutil
import subprocess
import sys
import venv
from collections.abc import Collection, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
_PACKAGED = (
    *("src", "builder", "evaluate", "pyproject.toml", "setup.py", "MANIFEST.in"),
    *("README.md", "LICENSE"),
)


def sources(folder: Path) -> Path:
    """A copy of what the package is made of, to build in without touching the checkout."""
    for name in _PACKAGED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder / name)
    return folder


def install(folder: Path, extras: Collection[str] = (), without: Collection[str] = ()) -> Path:
    """Make an environment with a plain install of this package and links to what it needs.

    Args:
        folder: for it, and for a copy of the sources.
        extras: of this package.
        without: distributions that are left out.

    Returns:
        The environment's Python.
    """
    python = folder / "bin" / "python"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    built = ["--no-build-isolation", "--no-compile", sources(folder / "sources")]
    link(needed("imagenetq", extras) - set(without) | {"setuptools"}, packages)
    subprocess.run([*pip, *built], check=True, env={"PYTHONPATH": ""})
    return python


def needed(name: str, extras: Collection[str] = ()) -> set[str]:
    """The installed distributions that one needs, and those that these need."""
    found: set[str] = set()
    waiting = [(name, frozenset(extras))]
    seen = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # Of another platform.
        found.add(name)
        waiting += _required(lines, wanted)
    return found - {"imagenetq"}


def _required(lines: list[str], extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def link(names: Collection[str], packages: Path) -> None:
    """Link the files of distributions into a folder of packages."""
    for name in names:
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or [] if file.parts[0] != ".."}:
            place = packages / top
            if top != "__pycache__" and not place.exists():
                place.symlink_to(str(found.locate_file(top)))

"""A small dataset, what a pass over it gives, and a filled cache."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cache_rows import ONLY, ROOMY, Rows, rows
from imagenetq.builder import build, open_source
from imagenetq.evaluate import open_data
from imagenetq.evaluate.inputs.cache import Store
from no_workers import no_workers


@pytest.fixture(scope="session")
def images(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """130 small photographs: two shards of a variant."""
    return make_source(tmp_path_factory.mktemp("cache") / "images", 130)


@pytest.fixture(scope="session")
def folder(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("cache") / "q"
    with no_workers():
        build(open_source(images), built, subset="mini", only=ONLY, allow_short=True)
    return built


@pytest.fixture(scope="session")
def expected(folder: Path) -> Rows:
    """What every pass must give."""
    return rows(open_data(folder), None, n=1)


@pytest.fixture(scope="session")
def filled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of all that `expected` holds. Not to be changed."""
    filled = tmp_path_factory.mktemp("filled") / "c"
    rows(open_data(folder), Store(filled, ROOMY), n=1)
    return filled


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """The same, to be damaged."""
    return shutil.copytree(filled, tmp_path / "c")

"""Built datasets of real crops, in both formats, and what a dataset's samples should be."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from fault_server import FaultServer
from imagenetq.builder import build, open_source
from imagenetq.evaluate.data import CleanSource, Data, Patience, Sample
from imagenetq.record import pixel_sha256
from imagenetq.specification import select_variants
from no_workers import no_workers

EVERY_KIND = ["clean", "blur-3", "noise-50", "contrast-0.3", "jpeg-10", "jpeg2000-28"]
IMAGES = 130

Line = tuple[str, str, int, str]


@pytest.fixture(scope="session")
def impatient() -> Patience:
    """Asks again at once, and for two seconds."""
    return Patience(seconds=2.0, first_pause=0.01)


@pytest.fixture(scope="session")
def source_130(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """130 images: two shards a variant, the last not full."""
    return make_source(tmp_path_factory.mktemp("evaluated") / "images", IMAGES)


def _built(source: Path, out: Path, format_name: str) -> Path:
    with no_workers():
        build(
            open_source(source),
            out,
            subset="mini",
            format_name=format_name,
            only=EVERY_KIND,
        )
    return out


@pytest.fixture(scope="session")
def parquet(source_130: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as parquet. Not to be changed by a test."""
    return _built(source_130, tmp_path_factory.mktemp("parquet") / "q", "parquet")


@pytest.fixture(scope="session")
def tars(source_130: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as WebDataset. Not to be changed by a test."""
    return _built(source_130, tmp_path_factory.mktemp("tars") / "q", "webdataset")


@pytest.fixture(scope="session")
def clean_source(source_130: Path, tmp_path_factory: pytest.TempPathFactory) -> CleanSource:
    """The same images, rendered on the fly."""
    originals = tmp_path_factory.mktemp("originals")
    return CleanSource(open_source(source_130), originals=originals, subset="mini")


@pytest.fixture(scope="session")
def line() -> Callable[[Sample], Line]:
    """What identifies a sample, from its pixels as they are."""
    return lambda s: (s.info.image_id, s.info.variant, s.info.label, pixel_sha256(s.pixels))


@pytest.fixture(scope="session")
def lines(line: Callable[[Sample], Line]) -> Callable[..., Counter[Line]]:
    """All samples of a dataset, counted."""

    def count(
        data: Data, only: Iterable[str] = EVERY_KIND, limit: int | None = None
    ) -> Counter[Line]:
        tasks = data.tasks(select_variants(only), limit)
        assert len({task.key for task in tasks}) == len(tasks)
        found: Counter[Line] = Counter()
        for task in tasks:
            samples = [line(sample) for sample in task.samples()]
            assert task.n_samples in (None, len(samples))
            found.update(samples)
        return found

    return count


@pytest.fixture(scope="session")
def rendered(clean_source: CleanSource, lines: Callable[..., Counter[Line]]) -> Counter[Line]:
    """What every kind of data must give: each image of each variant once."""
    found = lines(clean_source)
    assert len(found) == found.total() == IMAGES * len(EVERY_KIND)
    return found


@pytest.fixture
def parquet_server(parquet: Path) -> Iterator[FaultServer]:
    """The parquet dataset over HTTP."""
    with FaultServer(parquet) as server:
        yield server


@pytest.fixture
def tar_server(tars: Path) -> Iterator[FaultServer]:
    """The tars over HTTP."""
    with FaultServer(tars) as server:
        yield server

"""Evaluating from a bucket: parquet and tar shards stream, and give the same samples."""

import pickle
from collections import Counter
from pathlib import Path

import pytest
import s3fs

from imagenetq.builder import build, open_source
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.data import Data, open_data
from imagenetq.record import pixel_sha256
from no_workers import no_workers

ONLY = ["clean", "blur-3", "contrast-0.5", "jpeg-10"]
DATA = "s3://bucket/tars/data/{clean,jpeg-10}/*.tar"


@pytest.fixture(scope="module")
def tars(source_230: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tars") / "q"
    with no_workers():
        build(open_source(source_230), folder, subset="mini", only=ONLY, format_name="webdataset")
    return folder


@pytest.fixture
def client(bucket: str, local: Path, tars: Path) -> s3fs.S3FileSystem:
    """The client of whoever put both datasets into the bucket."""
    del bucket
    client = s3fs.S3FileSystem(use_listings_cache=False)
    client.put(f"{local}/", "bucket/q/", recursive=True)
    client.put(f"{tars}/", "bucket/tars/", recursive=True)
    return client


def lines(data: Data) -> Counter[tuple[str, str, int, str]]:
    """All samples, in tasks as workers get them."""
    tasks = pickle.loads(pickle.dumps(data.tasks(data.variants)))
    return Counter(
        (sample.info.image_id, sample.info.variant, sample.info.label, pixel_sha256(sample.pixels))
        for task in tasks
        for sample in task.samples()
    )


@pytest.mark.usefixtures("client")
def test_shards_in_a_bucket_give_the_same_samples(local: Path, tmp_path: Path) -> None:
    expected = lines(open_data(local))
    assert len(expected) == 230 * len(ONLY)
    tars_of = "s3://bucket/tars/data"
    braces = f"{tars_of}/{{{','.join(ONLY)}}}/test-{{00000..00002}}.tar"
    for spec in ("s3://bucket/q", "s3://bucket/tars/", f"{tars_of}/*/*.tar", braces):
        assert lines(open_data(spec)) == expected
    one = open_data(f"{tars_of}/jpeg-10/*.tar")
    assert [variant.name for variant in one.variants] == ["jpeg-10"]
    assert lines(one).total() == 230
    # Nothing is kept on this machine.
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_is_missing_there_is_named(client: s3fs.S3FileSystem) -> None:
    shard = "q/data/blur-3/test-00001-of-00003.parquet"
    client.rm_file(f"bucket/{shard}")
    data = open_data("s3://bucket/q")
    with pytest.raises(FolderError, match=f"s3://bucket/{shard}: missing; copy or build"):
        data.tasks(data.variants)
    with pytest.raises(FolderError, match=r"s3://bucket/none: no manifest\.json"):
        open_data("s3://bucket/none")
    with pytest.raises(UsageError, match="no such tar"):
        open_data("s3://bucket/none/*.tar")


@pytest.mark.usefixtures("client")
def test_the_command_takes_such_an_address(run, tmp_path: Path) -> None:
    ended = run(
        *("eval", "--model", "baseline/nearest", "--data", DATA),
        *("--limit", "20", "--workers", "1", "--out", tmp_path / "results"),
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "results" / "baseline-nearest" / "entry.json").is_file()

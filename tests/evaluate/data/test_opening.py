"""Whatever a dataset is called by, its samples are those of rendering on the fly."""

import pickle
import shutil
import tarfile

import pytest

from fault_server import FaultServer
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.data import Patience, open_data
from imagenetq.specification import variant

ALL_TARS = "data/{clean,blur-3,noise-50,contrast-0.3,jpeg-10,jpeg2000-28}/test-{00000..00001}.tar"


@pytest.mark.parametrize("check_pixels", ["all", "sample", "none"])
def test_built_folders(parquet, tars, rendered, lines, check_pixels) -> None:
    assert lines(open_data(parquet, check_pixels=check_pixels)) == rendered
    assert lines(open_data(str(tars), check_pixels=check_pixels)) == rendered


def test_file_url(parquet, rendered, lines) -> None:
    assert lines(open_data(parquet.as_uri())) == rendered


def test_bare_tars(tars, rendered, lines) -> None:
    assert lines(open_data(f"{tars}/data/*/test-*.tar")) == rendered
    assert lines(open_data(f"{tars}/{ALL_TARS}")) == rendered
    folders = sorted((tars / "data").iterdir())
    for separator in (",", " ", ", ", "\n"):
        spec = separator.join(f"{folder}/test-0000[01].tar" for folder in folders)
        assert len(open_data(spec).variants) == len(folders)


def test_tars_of_other_names_say_what_they_are(tars, rendered, lines, tmp_path) -> None:
    for tar in (tars / "data").rglob("*.tar"):
        shutil.copy(tar, tmp_path / f"{tar.parent.name} {tar.name}".replace("-", "_"))
    data = open_data(f"{tmp_path}/*.tar")
    assert lines(data) == rendered
    keys = [task.key for task in data.tasks(data.variants)]
    assert "contrast-0.3.contrast-0.3-test-00001" in keys


def test_one_tar_by_path_even_if_its_name_looks_like_a_pattern(tars, tmp_path) -> None:
    odd = tmp_path / "a b" / "x[1],{2}.tar"
    odd.parent.mkdir()
    shutil.copy(tars / "data" / "jpeg-10" / "test-00001.tar", odd)
    for spec in (odd, str(odd)):
        (task,) = open_data(spec).tasks(open_data(spec).variants)
        assert len(list(task.samples())) == 30


def test_folder_urls(parquet_server, tar_server, rendered, lines) -> None:
    for server in (parquet_server, tar_server):
        for url in (server.url, f"{server.url}/"):
            assert lines(open_data(url)) == rendered
        assert {request.status for request in server.requests("")} <= {200, 206}


def test_brace_urls(tar_server, rendered, lines) -> None:
    assert lines(open_data(f"{tar_server.url}/{ALL_TARS}")) == rendered
    # One request more than there are tars: the first row of the first says what they are.
    assert len(tar_server.requests("")) == 12 + 1


def test_requests_a_shard(parquet_server, tar_server) -> None:
    for server in (parquet_server, tar_server):
        data = open_data(server.url)
        (task, _) = data.tasks([variant("noise-50")])
        server.forget()
        assert len(list(task.samples())) == 100
        assert len(server.requests("")) == 1


def test_no_range_requests_are_needed(parquet, tars, rendered, lines) -> None:
    for folder in (parquet, tars):
        with FaultServer(folder, ranges=False) as server:
            assert lines(open_data(server.url)) == rendered


def test_some_variants(parquet, tars, rendered, lines) -> None:
    only = ["jpeg-10", "clean"]
    expected = {line: 1 for line in rendered if line[1] in only}
    for spec in (parquet, tars, f"{tars}/data/*/*.tar"):
        assert lines(open_data(spec), only) == expected


def test_limit_takes_the_same_images_everywhere(
    parquet, tars, clean_source, tar_server, lines
) -> None:
    for limit in (1, 30, 100, 101, 130, 1000):
        expected = lines(clean_source, ["clean", "noise-50"], limit)
        assert len(expected) == 2 * min(limit, 130)
        for spec in (parquet, tars, f"{tars}/data/*/*.tar", f"{tar_server.url}/{ALL_TARS}"):
            assert lines(open_data(spec), ["clean", "noise-50"], limit) == expected


def test_tasks_are_small_in_a_pickle_and_have_lasting_keys(parquet, tars, tar_server) -> None:
    for spec in (parquet, tars, f"{tars}/data/*/*.tar", tar_server.url):
        data = open_data(spec)
        tasks = data.tasks(data.variants)
        assert [task.key for task in tasks][:3] == [
            "clean.test-00000",
            "clean.test-00001",
            "blur-3.test-00000",
        ]
        for task in tasks:
            assert len(pickle.dumps(task)) < 700
            assert pickle.loads(pickle.dumps(task)) == task


def test_identity(parquet, tars) -> None:
    built = open_data(parquet).identity
    assert built == open_data(tars).identity
    assert (built.subset, built.n_images) == ("mini", 130)
    bare = open_data(f"{tars}/data/*/*.tar").identity
    assert bare.dataset_version == built.dataset_version
    assert bare.specification_digest == built.specification_digest
    assert (bare.source_digest, bare.subset, bare.n_images) == (None, None, None)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("nowhere", UsageError, "nowhere: no such folder; a dataset is a folder"),
        ("nowhere/*.tar", UsageError, "no such tar"),
        ("nowhere/x.tar", UsageError, "no such tar"),
        ("nowhere/{0..2.tar", UsageError, "braces do not match|no such folder"),
        ("hf:nobody", UsageError, "write hf:ORG/NAME, such as hf:ORG/imagenet-q"),
        ("nonsense://host/q", UsageError, "fsspec cannot open it"),
        ("http://127.0.0.1:9/q", OSError, "127.0.0.1:9/q/manifest.json: cannot be read"),
        ("x.tar.gz", UsageError, "no such folder"),
        ("", FolderError, "no manifest.json"),
        ("a" * 5000, UsageError, "no such folder"),
    ],
)
def test_anything_else_is_refused_in_one_line(spec, error, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message) as caught:
        open_data(spec, patience=Patience(seconds=0.05, first_pause=0.01))
    assert "\n" not in str(caught.value)


def test_a_folder_url_without_a_manifest(tmp_path) -> None:
    with FaultServer(tmp_path) as server, pytest.raises(FolderError, match=r"no manifest\.json"):
        open_data(server.url)


def test_what_is_not_held_is_refused(parquet) -> None:
    data = open_data(parquet)
    with pytest.raises(UsageError, match=r"holds no blur-1, only 6 variants of clean, blur"):
        data.tasks([variant("blur-1")])
    with pytest.raises(UsageError, match="limit of 0 photographs"):
        data.tasks(data.variants, 0)


def test_tars_named_twice_are_refused(tars) -> None:
    tar = tars / "data" / "clean" / "test-00000.tar"
    with pytest.raises(UsageError, match=r"are both clean\.test-00000; name one of them, once"):
        open_data(f"{tar},{tar}")


def test_photographs_are_named_a_source(source_130, tmp_path) -> None:
    with pytest.raises(
        FolderError, match=rf"{source_130}: no manifest.*give --source {source_130}"
    ):
        open_data(str(source_130))
    with tarfile.open(tmp_path / "val.tar", "w") as tar:
        for path in sorted(source_130.rglob("*.JPEG"))[:2]:
            tar.add(path, path.name)
    with pytest.raises(FolderError, match=r"val\.tar: .*ImageNet's own photographs are a --source"):
        open_data(str(tmp_path / "val.tar"))

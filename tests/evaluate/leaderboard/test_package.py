"""A result becomes an entry only if every number of it is right."""

from pathlib import Path

import pytest

from fake_entries import change_json, honest, submission
from imagenetq.errors import EntryError, FolderError, UsageError
from imagenetq.evaluate.leaderboard import package as module
from imagenetq.evaluate.leaderboard.checks.check import check
from imagenetq.evaluate.leaderboard.entry.submission import Place
from imagenetq.evaluate.leaderboard.package import (
    CheckedResult,
    check_submittable,
    pack,
    write_package,
)
from imagenetq.evaluate.results.registered_sources import KnownSource


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "timm-made_up"
    honest(6).write(folder)
    return folder


@pytest.fixture(scope="module")
def checked(results: Path) -> CheckedResult:
    return check_submittable(results)


def test_an_entry_passes_the_check_and_is_written_once(checked, results, tmp_path):
    package = pack(checked, submission())
    path = write_package(package, tmp_path)
    assert path == tmp_path / "made-up-1.0"
    assert sorted(file.name for file in path.iterdir()) == [
        "entry.json",
        "predictions.parquet",
        "submission.json",
    ]
    for name in ("entry.json", "predictions.parquet"):
        assert (path / name).read_bytes() == (results / name).read_bytes()
    assert check(tmp_path)[0].status == "WARN"
    assert write_package(package, tmp_path) == path
    (path / "submission.json").unlink()
    (path / ".tmp-of-a-killed-process").write_bytes(b"half")
    assert write_package(package, tmp_path) == path
    assert (path / "submission.json").is_file()


def test_another_entry_is_not_overwritten(checked, tmp_path):
    write_package(pack(checked, submission()), tmp_path)
    with pytest.raises(FolderError, match="another entry is there"):
        write_package(pack(checked, submission(notes="more")), tmp_path)
    other = write_package(pack(checked, submission(notes="more"), "other"), tmp_path)
    assert other.name == "other"


@pytest.mark.parametrize("folder", ["../other", "/tmp/other", "Other", "", "a" * 81])
def test_a_folder_is_a_name_and_no_path(checked, folder):
    with pytest.raises(UsageError, match="--folder"):
        pack(checked, submission(), folder)


def test_large_predictions_belong_on_the_hub(checked, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BESIDE_BYTES", 1000)
    with pytest.raises(EntryError, match="too many for Git; give --predictions ORG/NAME"):
        write_package(pack(checked, submission()), tmp_path)
    place = Place(repository="org/p", revision="a" * 40, path="p.parquet")
    path = write_package(pack(checked, submission(predictions=place)), tmp_path)
    assert sorted(file.name for file in path.iterdir()) == ["entry.json", "submission.json"]


def test_a_result_that_flatters_is_refused(tmp_path):
    honest(6).write(tmp_path)
    change_json(tmp_path / "entry.json", lambda data: data["scores"]["score"].update(value=0.99))
    with pytest.raises(EntryError, match=r"scores\.score\.value is 0\.99, but the predictions"):
        check_submittable(tmp_path)


def test_a_result_of_another_dataset_is_refused(results):
    with pytest.raises(EntryError, match="of source cccccccccccc, but the dataset is of ddddddd"):
        check_submittable(results, KnownSource("d" * 64, {}))
    with pytest.raises(EntryError, match="more photographs are not in the dataset"):
        check_submittable(results, KnownSource("c" * 64, {}))

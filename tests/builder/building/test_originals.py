"""Builds, evaluations and verifications agree on which originals are bad, and name them all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("torch")

from imagenetq.builder import build, open_source, verify
from imagenetq.builder.shards.orientation import UPRIGHT, orientation
from imagenetq.errors import BuildStopped, SourceError
from imagenetq.evaluate import CleanSource, Result, Settings, evaluate, load_model, open_data
from odd_originals import bad_files, encoded, good_files, write_class_folders

pytestmark = pytest.mark.usefixtures("in_this_process")

ONLY = ["clean", "jpeg-10"]

Evaluated = Callable[..., Result]


@pytest.fixture(params=["all JPEG", "with a PNG"])
def folder(
    request: pytest.FixtureRequest, photograph: Image.Image, tmp_path: Path
) -> tuple[Path, int]:
    """A source of every kind of original, and how many are good."""
    good, bad = good_files(photograph), bad_files(photograph)
    if request.param == "with a PNG":
        good["png"] = encoded(photograph.crop((0, 0, 31, 40)), "PNG")
    return write_class_folders(tmp_path / "images", bad | good), len(good)


@pytest.fixture
def evaluated(folder: tuple[Path, int], tmp_path: Path) -> Evaluated:
    """Evaluates a small network on the built dataset, or on the source."""

    def evaluated(name: str, limit: int | None = None) -> Result:
        data = (
            open_data(str(tmp_path / "q"))
            if name == "built"
            else CleanSource(
                open_source(folder[0]), originals=tmp_path, subset="mini", skip_bad=name == "skip"
            )
        )
        settings = Settings(only=ONLY, limit=limit)
        model = load_model("python/tiny_models:tiny")
        return evaluate([model], data, tmp_path / f"{name}-{limit}", settings)[0]

    return evaluated


def test_all_three_agree(
    folder: tuple[Path, int],
    evaluated: Evaluated,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, n_good = folder
    source = open_source(images)
    n_bad = len(list(images.rglob("*.JPEG"))) - n_good
    with pytest.raises(BuildStopped, match=rf"named above \({n_bad}\)"):
        build(source, tmp_path / "q", subset="mini", only=ONLY)
    named = sorted(capsys.readouterr().err.splitlines())
    with pytest.raises(
        SourceError, match=rf"{n_bad} of {n_bad + n_good} photographs are bad.*skip-bad"
    ):
        evaluated("refused")
    assert sorted(capsys.readouterr().err.splitlines()) == named

    manifest = build(source, tmp_path / "q", subset="mini", only=ONLY, skip_bad=True)
    assert manifest.images == n_good
    assert sorted(note.reason for note in manifest.bad_images) == named
    assert verify(tmp_path / "q", source) == []

    stored, rendered = evaluated("built"), evaluated("skip")
    assert rendered.entry.predictions_sha256 == stored.entry.predictions_sha256
    assert rendered.entry.source_digest == stored.entry.source_digest == manifest.source_digest
    assert rendered.entry.bad_images == stored.entry.bad_images
    assert sorted(note.reason for note in rendered.entry.bad_images) == named
    first = [evaluated(name, limit=5) for name in ("built", "skip")]
    assert first[0].predictions.n_images == 5
    assert first[0].entry.predictions_sha256 == first[1].entry.predictions_sha256


def test_no_good_one_is_turned_by_who_reads_it(photograph: Image.Image, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    good = good_files(photograph)
    source = open_source(write_class_folders(tmp_path / "images", good))
    assert build(source, tmp_path / "q", subset="mini", only=ONLY).clean_extension == "jpg"
    (shard,) = (tmp_path / "q" / "data" / "clean").iterdir()
    stored = [image["bytes"] for image in pq.read_table(shard)["image"].to_pylist()]
    assert len(stored) == len(good)
    assert {orientation(jpeg) for jpeg in stored} == {UPRIGHT}
    assert {len(jpeg) for jpeg in stored} == {len(jpeg) for jpeg in good.values()}

"""The estimate of a dry run is near what the build then makes."""

from pathlib import Path

import pytest

from imagenetq.builder import build, estimate, open_source


@pytest.mark.usefixtures("in_this_process")
def test_the_estimate_is_near_the_truth(source_230: Path, tmp_path: Path) -> None:
    source = open_source(source_230)
    only = ["noise", "jpeg-10"]
    guess = estimate(source, subset="mini", only=only, workers=2)
    assert (guess.photographs, guess.variants, guess.shards) == (230, 11, 33)
    assert guess.seconds is not None
    assert guess.bytes is not None
    manifest = build(source, tmp_path / "q", subset="mini", only=only)
    made = sum(summary.image_bytes for summary in manifest.variants.values())
    assert guess.bytes == pytest.approx(made, rel=0.25)


def test_originals_that_cannot_be_read_leave_it_open(make_source, tmp_path: Path) -> None:
    folder = make_source(tmp_path / "images", 2)
    for path in folder.rglob("*.JPEG"):
        path.write_bytes(b"")
    guess = estimate(open_source(folder), subset="mini")
    assert (guess.photographs, guess.bytes, guess.seconds) == (2, None, None)

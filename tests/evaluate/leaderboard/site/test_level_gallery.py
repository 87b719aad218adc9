import io

import numpy as np
from PIL import Image

from imagenetq.evaluate.leaderboard.site.level_gallery import (
    SIDE,
    clean_level,
    cuttings,
    ladders_shown,
    pictures,
    redraw,
)
from imagenetq.specification import variants


def test_every_variant_is_shown_once():
    shown = [clean_level(), *(level for _, levels in ladders_shown() for level in levels)]
    assert [level.name for level in shown] == [v.name for v in variants()]
    assert set(pictures()) == {level.file for level in shown}
    assert [shown[0].short, shown[-1].short] == ["original", "PSNR 20"]
    assert sum(map(len, pictures().values())) < 400_000


def test_the_pictures_that_ship_show_the_specification(photograph):
    held = pictures()
    for level, square in cuttings(np.asarray(photograph)):
        with Image.open(io.BytesIO(held[level.file])) as shown:
            assert shown.size == (SIDE, SIDE)
            # WebP keeps a quarter of the colours' samples, so noise is compared by its luma.
            luma, exact = (np.asarray(one.convert("L"), int) for one in (shown, square))
        assert np.sqrt(((luma - exact) ** 2).mean()) < 14, level.name


def test_drawing_them_again_gives_pictures_of_the_same_names(tmp_path, photograph):
    photograph.save(tmp_path / "chelsea.png")
    redraw(tmp_path / "chelsea.png", tmp_path / "levels")
    assert {path.name for path in (tmp_path / "levels").iterdir()} == set(pictures())

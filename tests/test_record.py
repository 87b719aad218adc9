import hashlib
import math
from dataclasses import asdict, fields

import numpy as np
import pytest

from imagenetq import classes
from imagenetq.record import Row, features, is_uniform, pixel_sha256, psnr, sum_of_squared_errors
from imagenetq.specification import variant

CLEAN = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def row(name: str, pixels: np.ndarray) -> Row:
    return Row.of(
        variant(name),
        image_id="ILSVRC2012_val_00000293",
        wnid=classes.wnids()[7],
        rank=4,
        pixels=pixels,
        clean=CLEAN,
        n_bytes=123,
    )


def test_row_of_a_distorted_image():
    pixels = CLEAN.copy()
    pixels[0, 0, 0] ^= 3
    made = row("contrast-0.3", pixels)
    error = int(pixels[0, 0, 0]) - int(CLEAN[0, 0, 0])
    assert asdict(made) == {
        "label": 7,
        "wnid": classes.wnids()[7],
        "image_id": "ILSVRC2012_val_00000293",
        "rank": 4,
        "distortion": "contrast",
        "level": 8,
        "parameter": "factor",
        "value": 0.3,
        "width": 9,
        "height": 6,
        "n_bytes": 123,
        "sse": error**2,
        "psnr": round(10 * math.log10(255**2 / (error**2 / CLEAN.size)), 4),
        "pixel_sha256": hashlib.sha256(bytes(pixels.ravel().tolist())).hexdigest(),
    }


def test_row_of_the_clean_image_has_no_error():
    made = row("clean", CLEAN)
    assert (made.sse, made.psnr, made.level) == (0, None, 0)
    assert (made.distortion, made.parameter, made.value) == ("clean", None, None)


def test_value_is_always_a_float():
    assert isinstance(row("jpeg-10", CLEAN).value, float)


@pytest.mark.parametrize("seed", range(3))
def test_sum_of_squared_errors_is_exact(seed):
    a, b = np.random.default_rng(seed).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    assert sum_of_squared_errors(a, b) == sum((x - y) ** 2 for x, y in pairs)


def test_sum_of_squared_errors_does_not_overflow():
    black, white = (np.full((3000, 2500, 3), value, np.uint8) for value in (0, 255))
    assert sum_of_squared_errors(black, white) == 255**2 * black.size


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (5, 9), (700, 80)])
def test_an_image_is_uniform_if_all_its_pixels_are_the_same(shape):
    grey = np.full((*shape, 3), 90, np.uint8)
    colour = np.full((*shape, 3), (1, 2, 3), np.uint8)
    assert is_uniform(grey)
    assert is_uniform(colour)
    if shape != (1, 1):
        for place in [(0, 0, 1), (-1, -1, 2), (shape[0] // 2, shape[1] // 2, 0)]:
            spotted = colour.copy()
            spotted[place] += 1
            assert not is_uniform(spotted)
        turned = colour.copy()
        turned[-1, -1] = (3, 2, 1)
        assert not is_uniform(turned)


def test_psnr():
    assert psnr(0, 10) is None
    assert psnr(255**2 * 10, 10) == 0
    assert psnr(255**2, 1000) == 30
    assert psnr(1, 3) == pytest.approx(52.9020, abs=1e-12)


def test_pixel_hash_is_of_the_rows_whatever_the_memory_layout():
    turned = np.asfortranarray(CLEAN)
    assert pixel_sha256(turned) == pixel_sha256(CLEAN)
    assert pixel_sha256(CLEAN[::2]) == hashlib.sha256(CLEAN[::2].tobytes()).hexdigest()


def test_features_have_the_rows_fields_and_the_image():
    pytest.importorskip("datasets")
    schema = features()
    assert list(schema) == ["image", *(field.name for field in fields(Row))]
    assert schema["image"].mode == "RGB"
    assert schema["label"].names == list(classes.names())
    assert schema["value"].dtype == "float64"
    assert schema["sse"].dtype == "int64"

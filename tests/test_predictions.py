"""What is written is read back, in one order and in the same bytes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_predictions import ALL, columns, random_predictions
from imagenetq.predictions import (
    Predictions,
    read_predictions,
    schema,
    write_predictions,
)

N = 6


def same(a: Predictions, b: Predictions) -> bool:
    return a.variants == b.variants and a.has_images_of(b) and a.encoded == b.encoded


def stored(tmp_path: Path, table: pa.Table) -> Path:
    path = tmp_path / "predictions.parquet"
    pq.write_table(table, path)
    return path


def valid() -> pa.Table:
    return random_predictions(N).table()


def test_round_trip(tmp_path):
    made = random_predictions(N)
    write_predictions(tmp_path / "new" / "predictions.parquet", made)
    read = read_predictions(tmp_path / "new" / "predictions.parquet")
    assert same(made, read)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["predictions.parquet"]
    for field in ("labels", "short_sides", "top5_class", "top5_probability", "true_rank"):
        kept, back = getattr(made, field), getattr(read, field)
        assert (kept.dtype, kept.tolist()) == (back.dtype, back.tolist())
        assert not back.flags.writeable


def test_the_columns_are_the_contract():
    types = {field.name: str(field.type) for field in schema()}
    assert types == {
        "image_id": "string",
        "variant": "string",
        "label": "int16",
        "short_side": "int32",
        "top5_class": "fixed_size_list<element: int16 not null>[5]",
        "top5_probability": "fixed_size_list<element: float not null>[5]",
        "true_probability": "float",
        "true_rank": "int32",
    }
    assert not any(field.nullable for field in schema())


def test_rows_lie_by_image_then_ladder():
    table = valid()
    ids = [f"ILSVRC2012_val_{i:08d}" for i in range(N)]
    assert table["image_id"].to_pylist() == [i for i in ids for _ in ALL]
    assert table["variant"].to_pylist() == list(ALL) * N


def test_values_land_in_their_cells(tmp_path):
    rank = np.arange(1, 1 + 3 * 4).reshape(3, 4)
    names = ("clean", "blur-2", "contrast-0.3", "jpeg2000-28")
    sides = np.array([100, 300, 200])
    made = Predictions.from_columns(columns(rank, names, short_sides=sides))
    read = read_predictions(stored(tmp_path, made.table()))
    assert read.variants == names
    assert read.true_rank.tolist() == rank.tolist()
    assert read.short_sides.tolist() == [100, 300, 200]
    assert read.labels.tolist() == [0, 7, 14]
    assert read.correct(1).tolist() == (rank == 1).tolist()
    assert read.correct(5).sum() == 5
    assert read.confidence.shape == (3, 4)
    assert (read.n_images, read.column("blur-2"), read.column("blur-3")) == (3, 1, None)
    some = read.of_images(np.array([True, False, True]))
    assert some.image_ids == (read.image_ids[0], read.image_ids[2])
    assert some.true_rank.tolist() == rank[[0, 2]].tolist()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), group=st.integers(1, 400), dictionary=st.booleans())
def test_order_and_layout_of_the_file_change_nothing(tmp_path_factory, seed, group, dictionary):
    table = valid()
    shuffled = table.take(pa.array(np.random.default_rng(seed).permutation(len(table))))
    path = tmp_path_factory.mktemp("p") / "predictions.parquet"
    pq.write_table(shuffled, path, row_group_size=group, use_dictionary=dictionary)
    read = read_predictions(path)
    assert same(read, random_predictions(N))
    again = {name: shuffled[name].to_pylist() for name in shuffled.column_names}
    assert Predictions.from_columns(again).encoded == read.encoded


def test_clean_and_contrast_1_may_be_all_there_is(tmp_path):
    names = ("clean", "contrast-1.0")
    assert read_predictions(stored(tmp_path, random_predictions(3, names).table())).n_images == 3

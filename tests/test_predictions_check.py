"""The reader refuses every file that is not complete and free of contradictions."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_predictions import columns, random_columns, random_predictions
from imagenetq import predictions_check as module
from imagenetq.errors import EntryError, PredictionsError
from imagenetq.predictions import Predictions, read_predictions, schema

N = 6
Columns = dict[str, Any]


def stored(tmp_path: Path, table: pa.Table) -> Path:
    path = tmp_path / "predictions.parquet"
    pq.write_table(table, path)
    return path


def valid() -> pa.Table:
    return random_predictions(N).table()


def row(i: int, **values: Any) -> Callable[[Columns], None]:
    def change(table: Columns) -> None:
        for name, value in values.items():
            table[name][i] = value

    return change


def drop(*rows: int) -> Callable[[Columns], None]:
    def change(table: Columns) -> None:
        for name in table:
            table[name] = [value for i, value in enumerate(table[name]) if i not in rows]

    return change


def repeat(i: int) -> Callable[[Columns], None]:
    def change(table: Columns) -> None:
        for name in table:
            table[name] = [*table[name], table[name][i]]

    return change


LABEL = 7  # of the second image
HIT, MISS = 52, 53  # rows of the second image: rank 1, and rank 900
LOW = float(np.float32(0.1))
NAN = float("nan")

BROKEN: list[tuple[str, Callable[[Columns], None]]] = [
    ("there are no predictions", drop(*range(N * 52))),
    ("'ILSVRC2012_val_00000001', clean: no row", drop(52)),
    ("'ILSVRC2012_val_00000005', jpeg2000-20: no row", drop(N * 52 - 1)),
    ("'ILSVRC2012_val_00000000', blur-1: no row", drop(1, 53, 105)),
    ("'ILSVRC2012_val_00000001', blur-1: more than one row", repeat(53)),
    ("blur-1: more than one row", row(52, variant="blur-1")),
    ("no variant 'blur-10' exists", row(52, variant="blur-10")),
    ("no variant '' exists", row(0, variant="")),
    ("'' is no image id", row(0, image_id="")),
    ("is no image id", row(0, image_id="x" * 201)),
    (r"'a\\x1b\[31m' is no image id", row(0, image_id="a\x1b[31m")),
    (r"'\\u202e' is no image id", row(0, image_id="\u202e")),
    ("clean: no row", row(0, image_id="another")),
    ("label is not 0 to 999", row(HIT, label=1000)),
    ("label is not 0 to 999", row(HIT, label=-1)),
    ("another label", row(HIT, label=8)),
    ("shorter side is not 1 to", row(HIT, short_side=0)),
    ("shorter side is not 1 to", row(HIT, short_side=2**31 - 1)),
    ("another shorter side", row(HIT, short_side=299)),
    ("a class is not 0 to 999", row(HIT, top5_class=[LABEL, 8, 9, 10, 1000])),
    ("a class is not 0 to 999", row(HIT, top5_class=[LABEL, 8, 9, 10, -1])),
    ("twice among the top 5", row(HIT, top5_class=[LABEL, 8, 9, 10, 8])),
    ("top-5 probability is not 0 to 1", row(HIT, top5_probability=[1.5, 0, 0, 0, 0])),
    ("top-5 probability is not 0 to 1", row(HIT, top5_probability=[0.5, 0, 0, 0, -0.1])),
    ("top-5 probability is not 0 to 1", row(HIT, top5_probability=[0.5, NAN, 0, 0, 0])),
    ("top-5 probability is not 0 to 1", row(HIT, top5_probability=[float("inf"), 0, 0, 0, 0])),
    ("class's probability is not 0 to 1", row(MISS, true_probability=NAN)),
    ("class's probability is not 0 to 1", row(MISS, true_probability=-1e-9)),
    ("not in descending order", row(HIT, top5_probability=[0.5, 0.1, 0.11, 0.1, 0.1])),
    ("more than 1", row(HIT, top5_probability=[0.5, 0.4, 0.11, 0, 0])),
    ("rank is not 1 to 1000", row(MISS, true_rank=0)),
    ("rank is not 1 to 1000", row(MISS, true_rank=1001)),
    ("rank contradicts", row(HIT, true_rank=2)),
    ("rank contradicts", row(HIT, true_rank=900)),
    ("rank contradicts", row(MISS, true_rank=5)),
    ("rank contradicts", row(HIT, top5_class=[8, LABEL, 9, 10, 11])),
    ("rank contradicts", row(MISS, top5_class=[LABEL, 8, 9, 10, 11])),
    ("probability contradicts", row(HIT, true_probability=LOW)),
    ("probability contradicts", row(MISS, true_probability=LOW + 1e-6)),
]


@pytest.mark.parametrize(("message", "change"), BROKEN, ids=range(len(BROKEN)))
def test_a_contradiction_is_refused_in_one_line(tmp_path, message, change):
    rank = np.full((N, 52), 1)
    rank[:, 1::2] = 900
    table = Predictions.from_columns(columns(rank)).table().to_pydict()
    change(table)
    path = stored(tmp_path, pa.table(table, schema=schema()))
    with pytest.raises(PredictionsError, match=message) as refused:
        read_predictions(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert str(refused.value).isprintable()
    with pytest.raises(PredictionsError, match=message):
        Predictions.from_columns(table)


def test_what_no_file_can_hold_is_no_image_id():
    made = columns(np.full((2, 52), 1))
    made["image_id"] = ["a\ud800" if name.endswith("1") else name for name in made["image_id"]]
    with pytest.raises(PredictionsError, match=r"'a\\ud800' is no image id"):
        Predictions.from_columns(made)


def test_the_last_units_of_a_devices_softmax_are_forgiven():
    made = random_columns(2)
    made["top5_probability"][0] = [0.2, np.nextafter(np.float32(0.2), 1), 0.1, 0.1, 0.1]
    made["true_probability"][0] = 0.2 if made["true_rank"][0] == 1 else 0
    assert Predictions.from_columns(made).n_images == 2


def alter(table: pa.Table, name: str, column: pa.Array, nullable: bool = False) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, pa.field(name, column.type, nullable=nullable), column)


OTHER_COLUMNS: list[Callable[[pa.Table], pa.Table]] = [
    lambda t: t.drop_columns("label"),
    lambda t: t.append_column("more", pa.array(range(len(t)))),
    lambda t: t.select(list(reversed(t.column_names))),
    lambda t: t.rename_columns([name.upper() for name in t.column_names]),
    lambda t: alter(t, "label", t["label"].cast(pa.int64())),
    lambda t: alter(t, "label", t["label"], nullable=True),
    lambda t: alter(t, "true_probability", t["true_probability"].cast(pa.float64())),
    lambda t: alter(t, "variant", t["variant"].dictionary_encode()),
    lambda t: alter(t, "variant", t["variant"].cast(pa.large_string())),
    lambda t: alter(t, "top5_class", pa.array([[1, 2]] * len(t), pa.list_(pa.int16()))),
    lambda t: alter(t, "top5_class", pa.array([[1] * 5] * len(t), pa.list_(pa.int16()))),
    lambda t: alter(t, "top5_class", pa.array([[1] * 6] * len(t), pa.list_(pa.int16(), 6))),
]


@pytest.mark.parametrize("change", OTHER_COLUMNS, ids=range(len(OTHER_COLUMNS)))
def test_other_columns_are_refused(tmp_path, change):
    with pytest.raises(PredictionsError, match="columns are not those of predictions"):
        read_predictions(stored(tmp_path, change(valid())))


def disguised(path: Path, table: pa.Table) -> Path:
    """Store a table with Arrow's note in the footer that says it has the right columns."""
    buffer = BytesIO()
    pq.write_table(schema().empty_table(), buffer)
    note = pq.read_metadata(buffer).metadata[b"ARROW:schema"]
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.add_key_value_metadata({"ARROW:schema": note})
        writer.write_table(table)
    assert pq.read_metadata(path).schema.to_arrow_schema().equals(schema())
    return path


def test_lists_of_another_length_behind_the_right_schema_are_refused(tmp_path):
    # The fixed size is Arrow's note; parquet itself knows only lists.
    table = valid()
    element = pa.field("element", pa.int16(), nullable=False)
    longer = pa.array([[1, 2, 3, 4, 5, 6]] * len(table), pa.list_(element))
    path = disguised(tmp_path / "predictions.parquet", alter(table, "top5_class", longer))
    with pytest.raises(PredictionsError, match="lists are not of 5 values"):
        read_predictions(path)


def test_lists_of_uneven_lengths_that_add_up_are_refused(tmp_path):
    table = valid()
    element = pa.field("element", pa.int16(), nullable=False)
    lists = [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6]] * (len(table) // 2)
    uneven = alter(table, "top5_class", pa.array(lists, pa.list_(element)))
    with pytest.raises(PredictionsError, match="cannot be read"):
        read_predictions(disguised(tmp_path / "predictions.parquet", uneven))


def test_a_text_that_is_repeated_is_not_unpacked(tmp_path):
    n = 40_000
    table = random_predictions(n // 52 + 1).table().slice(0, n)
    huge = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 10**6]))
    # 40,000 times a million letters, in about a megabyte.
    path = disguised(tmp_path / "predictions.parquet", alter(table, "image_id", huge))
    assert path.stat().st_size < 3 * 10**6
    with pytest.raises(PredictionsError, match="is no image id") as refused:
        read_predictions(path)
    assert len(str(refused.value)) < 500


def test_too_many_rows_are_refused_from_the_footer(tmp_path, monkeypatch):
    path = stored(tmp_path, valid())
    monkeypatch.setattr(module, "MAX_ROWS", N * 52 - 1)
    with pytest.raises(PredictionsError, match="312 rows, but the full subset has 311"):
        read_predictions(path)


def test_too_many_row_groups_are_refused_from_the_footer(tmp_path, monkeypatch):
    pq.write_table(valid(), tmp_path / "p", row_group_size=1)
    monkeypatch.setattr(module, "_MAX_ROW_GROUPS", 100)
    with pytest.raises(PredictionsError, match="its rows are in 312 groups"):
        read_predictions(tmp_path / "p")


def test_what_unpacks_to_too_much_is_refused_from_the_footer(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(PredictionsError, match="unpacks to more than 1000 bytes"):
        read_predictions(stored(tmp_path, valid()))


def test_a_large_file_is_refused_unread(tmp_path):
    path = tmp_path / "predictions.parquet"
    with path.open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(PredictionsError, match="67108865 bytes is too large"):
        read_predictions(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 100, b"\0" * 1000, b"not parquet"])
def test_what_is_not_parquet_is_refused(tmp_path, content):
    path = tmp_path / "predictions.parquet"
    path.write_bytes(content)
    with pytest.raises(PredictionsError, match="cannot be read"):
        read_predictions(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    with pytest.raises(PredictionsError, match=r"cannot be read \(No such file"):
        read_predictions(tmp_path / "predictions.parquet")
    with pytest.raises(EntryError, match="cannot be read"):
        read_predictions(tmp_path)


def test_a_damaged_file_never_ends_otherwise_than_refused_or_read(tmp_path):
    made = random_predictions(N).encoded
    generator = np.random.default_rng(0)
    path = tmp_path / "predictions.parquet"
    messages: list[str] = []
    for _ in range(400):
        damaged = bytearray(made)
        damaged[generator.integers(len(made))] ^= 1 << generator.integers(8)
        path.write_bytes(
            damaged[: generator.integers(1, len(made)) if len(messages) % 4 == 3 else None]
        )
        try:
            read_predictions(path)
        except PredictionsError as error:
            messages.append(str(error))
    assert len(messages) > 200
    assert "\n" not in "".join(messages)

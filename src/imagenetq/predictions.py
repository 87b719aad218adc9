"""Read and write `predictions.parquet`: a model's answer to every variant of every photograph.

Rows are ordered by image id, then ladder. The reader trusts nothing, so what it returns is complete
and free of contradictions.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagenetq.errors import PredictionsError
from imagenetq.files import read_bounded, unreadable_as, write_whole
from imagenetq.predictions_check import (
    MAX_PREDICTIONS_BYTES,
    Coded,
    arrange,
    check_footer,
    check_values,
)
from imagenetq.remote_errors import first_line
from imagenetq.selection import rank_key

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTIONS_NAME = "predictions.parquet"

_LIST = 5

_DTYPES: dict[str, type[np.number[Any]]] = {
    "label": np.int16,
    "short_side": np.int32,
    "top5_class": np.int16,
    "top5_probability": np.float32,
    "true_probability": np.float32,
    "true_rank": np.int32,
}
_LISTS = ("top5_class", "top5_probability")
_NAMES = ("image_id", "variant")


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of one model to n photographs in m variants, complete and consistent."""

    image_ids: tuple[str, ...]
    """Ids of the n photographs, sorted."""

    variants: tuple[str, ...]
    """Names of the m variants, in ladder order."""

    labels: NDArray[np.int16]
    """True classes, 0 to 999; int16 of shape (n,)."""

    short_sides: NDArray[np.int32]
    """Shorter sides of the photographs in pixels; int32 of shape (n,)."""

    top5_class: NDArray[np.int16]
    """Five likeliest classes, best first; int16 of shape (n, m, 5)."""

    top5_probability: NDArray[np.float32]
    """Probabilities of the five likeliest classes, 0 to 1; float32 of shape (n, m, 5)."""

    true_probability: NDArray[np.float32]
    """Probability of the true class, 0 to 1; float32 of shape (n, m)."""

    true_rank: NDArray[np.int32]
    """Rank of the true class, from 1; int32 of shape (n, m). Of equal scores, the lower class ranks
    first."""

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, Any], name: str = "the predictions"
    ) -> "Predictions":
        """Make predictions from the file's columns as sequences or arrays, with rows in any order.

        Columns that are not in `schema` are ignored.
        """
        image, variant = (Coded.of(list(columns[column])) for column in _NAMES)
        numbers = {
            column: np.asarray(columns[column], dtype).reshape(_shape(column))
            for column, dtype in _DTYPES.items()
        }
        return cls._of(image, variant, numbers, name)

    @classmethod
    def from_table(cls, table: "pa.Table", name: str = "the predictions") -> "Predictions":
        """Make predictions from a table with the file's columns, with rows in any order.

        Columns that are not in `schema` are ignored.

        Raises:
            PredictionsError: the predictions are incomplete or contradict themselves.
        """
        columns = {column: table.column(column).combine_chunks() for column in (*_NAMES, *_DTYPES)}
        coded = (columns[column].dictionary_encode() for column in _NAMES)
        image, variant = (
            Coded.of_dictionary(one.dictionary.to_pylist(), one.indices.to_numpy()) for one in coded
        )
        numbers: dict[str, NDArray[Any]] = {}
        for column, dtype in _DTYPES.items():
            values = columns[column]
            flat = values.flatten() if column in _LISTS else values
            numbers[column] = flat.to_numpy().astype(dtype, copy=False).reshape(_shape(column))
        return cls._of(image, variant, numbers, name)

    @classmethod
    def _of(
        cls, image: Coded, variant: Coded, numbers: dict[str, NDArray[Any]], name: str
    ) -> "Predictions":
        grid = arrange(image, variant, name)
        shape = (len(grid.image_ids), len(grid.variants))
        dense = {
            column: values[grid.order].reshape(*shape, *values.shape[1:])
            for column, values in numbers.items()
        }
        check_values(grid, dense, name)
        dense["labels"] = dense.pop("label")[:, 0].copy()
        dense["short_sides"] = dense.pop("short_side")[:, 0].copy()
        for values in dense.values():
            values.flags.writeable = False
        return cls(grid.image_ids, grid.variants, **dense)

    @property
    def n_images(self) -> int:
        """The number of photographs."""
        return len(self.image_ids)

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of the likeliest class; float32 of shape (n, m)."""
        return self.top5_probability[:, :, 0]

    def correct(self, k: int) -> NDArray[np.bool_]:
        """Tell where the true class is among the `k` likeliest; bool of shape (n, m)."""
        return self.true_rank <= k

    def column(self, variant: str) -> int | None:
        """Find a variant's place among `variants`; None if it was not evaluated."""
        return self.variants.index(variant) if variant in self.variants else None

    def of_images(self, chosen: NDArray[np.bool_]) -> "Predictions":
        """Take the predictions of the chosen photographs alone; bool of shape (n,)."""
        ids = tuple(image_id for image_id, keep in zip(self.image_ids, chosen, strict=True) if keep)
        arrays = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if field.name not in ("image_ids", "variants")
        }
        return Predictions(ids, self.variants, **arrays)

    def dataset_order(self) -> list[int]:
        """Order the photographs' places as the dataset does: by rank in their class, then by class.

        A subset holds the lowest-ranked photographs of each class, so ranking those that are here
        gives the true ranks.
        """
        ranks: Counter[int] = Counter()
        keys = []
        for row in sorted(range(self.n_images), key=lambda row: rank_key(self.image_ids[row])):
            label = int(self.labels[row])
            keys.append((ranks[label], label, row))
            ranks[label] += 1
        return [row for _, _, row in sorted(keys)]

    def has_images_of(self, other: "Predictions") -> bool:
        """Tell whether both are over the same photographs, with the same labels and sizes."""
        return (
            self.image_ids == other.image_ids
            and np.array_equal(self.labels, other.labels)
            and np.array_equal(self.short_sides, other.short_sides)
        )

    def table(self) -> "pa.Table":
        """Make the file's rows."""
        import pyarrow as pa

        n, m = self.true_rank.shape
        arrays = [
            _repeated(self.image_ids, np.repeat(np.arange(n, dtype=np.int32), m)),
            _repeated(self.variants, np.tile(np.arange(m, dtype=np.int32), n)),
            pa.array(np.repeat(self.labels, m)),
            pa.array(np.repeat(self.short_sides, m)),
            *(
                pa.FixedSizeListArray.from_arrays(
                    pa.array(getattr(self, column).ravel()), type=schema().field(column).type
                )
                for column in _LISTS
            ),
            pa.array(self.true_probability.ravel()),
            pa.array(self.true_rank.ravel()),
        ]
        return pa.table(arrays, schema=schema())

    @cached_property
    def encoded(self) -> bytes:
        """The file's bytes; the same rows and the same pyarrow give the same bytes."""
        import pyarrow.parquet as pq

        buffer = BytesIO()
        pq.write_table(
            self.table(),
            buffer,
            compression="zstd",
            compression_level=9,
            use_dictionary=[*_NAMES, "label", "short_side", "top5_class.list.element", "true_rank"],
            use_byte_stream_split=["top5_probability.list.element", "true_probability"],
        )
        return buffer.getvalue()


@cache
def schema() -> "pa.Schema":
    """Define the file's columns; nothing in them may be null."""
    import pyarrow as pa

    numbers = {column: pa.from_numpy_dtype(dtype) for column, dtype in _DTYPES.items()}
    for column in _LISTS:
        numbers[column] = pa.list_(pa.field("element", numbers[column], nullable=False), _LIST)
    types = {**dict.fromkeys(_NAMES, pa.string()), **numbers}
    return pa.schema([pa.field(column, kind, nullable=False) for column, kind in types.items()])


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the file atomically."""
    write_whole(path, predictions.encoded)


def read_predictions(path: Path, sha256: str | None = None) -> Predictions:
    """Read and check a file, as `stored_predictions` and `parse_predictions` do."""
    return parse_predictions(stored_predictions(path, sha256), str(path))


def stored_predictions(path: Path, sha256: str | None = None) -> bytes:
    """Read a file's bytes without parsing them, and compare their SHA-256 with the entry's."""
    with unreadable_as(PredictionsError, path):
        data = read_bounded(path, MAX_PREDICTIONS_BYTES)
    actual = hashlib.sha256(data).hexdigest()
    if sha256 is not None and actual != sha256:
        raise PredictionsError(
            f"{path}: its SHA-256 is {actual[:12]}, but entry.json says {sha256[:12]}: not the "
            "predictions of this entry"
        )
    return data


def parse_predictions(data: bytes, name: str) -> Predictions:
    """Parse and check a file's bytes.

    Use `Confined` for a file that may come from anyone: this function believes the sizes in the
    footer, and trusts a reader written in C++.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pa.BufferReader(data)
    try:
        metadata = pq.read_metadata(source)
        check_footer(metadata, schema(), name)
        with pq.ParquetFile(source, metadata=metadata, read_dictionary=list(_NAMES)) as parquet:
            table = parquet.read().unify_dictionaries().combine_chunks()
        table.validate(full=True)
        return Predictions.from_table(table, name)
    except MemoryError:
        raise PredictionsError(f"{name}: takes too much memory to be read") from None
    # A hostile file can make Arrow raise errors of its own classes and of Python's.
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise PredictionsError(f"{name}: cannot be read ({reason})") from None


def _shape(column: str) -> tuple[int, ...]:
    return (-1, _LIST) if column in _LISTS else (-1,)


def _repeated(values: tuple[str, ...], codes: NDArray[np.int32]) -> "pa.Array":
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(
        pa.array(codes), pa.array(values, pa.string())
    ).dictionary_decode()

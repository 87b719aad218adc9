"""Check predictions before anything is computed from them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagenetq import classes
from imagenetq.errors import PredictionsError
from imagenetq.selection import MAX_ID_LENGTH, is_image_id
from imagenetq.specification import SUBSETS, variants

if TYPE_CHECKING:
    import pyarrow as pa

MAX_PREDICTIONS_BYTES = 64 * 2**20
"""Largest file that is read, in bytes; that of the full subset has about 16 MB."""

MAX_ROWS = 1_000 * (SUBSETS["full"] or 0) * len(variants())
"""Most rows that a file may have: those of the full subset."""

_MAX_UNPACKED_BYTES = 256 * 2**20
_MAX_ROW_GROUPS = 5_000
_MAX_SIDE = 16_383

# Softmax on a device may be off by a few units in the last place.
_SUM_TOLERANCE = 1e-3
_ORDER_TOLERANCE = np.float32(1 + 1e-6)


class Coded(NamedTuple):
    """A column of strings, coded by its distinct values."""

    names: tuple[str, ...]
    """Distinct values of the column, sorted."""

    codes: NDArray[np.int64]
    """Index in `names` of each row's value; int64."""

    @classmethod
    def of(cls, values: Sequence[str]) -> "Coded":
        """Make a column from its values."""
        names = sorted(set(values))
        codes = {name: i for i, name in enumerate(names)}
        return cls(tuple(names), np.array([codes[value] for value in values], np.int64))

    @classmethod
    def of_dictionary(cls, values: Sequence[str], codes: NDArray[np.integer[Any]]) -> "Coded":
        """Make a column from a file's dictionary, which may repeat values or hold unused ones."""
        used = np.unique(codes)
        distinct = cls.of([values[code] for code in used.tolist()])
        lookup = np.zeros(len(values), np.int64)
        lookup[used] = distinct.codes
        return cls(distinct.names, lookup[codes])


class Grid(NamedTuple):
    """The order of the rows of n photographs in m variants."""

    image_ids: tuple[str, ...]
    """Ids of the photographs, sorted."""

    variants: tuple[str, ...]
    """Names of the variants, in ladder order."""

    order: NDArray[np.int64]
    """Indices of the rows, ordered by image id, then ladder; int64 of shape (n * m,)."""


def check_footer(metadata: Any, schema: "pa.Schema", name: str) -> None:
    """Refuse a file that does not hold predictions or is too large, before unpacking any of it."""
    if metadata.num_row_groups > _MAX_ROW_GROUPS:
        raise PredictionsError(f"{name}: its rows are in {metadata.num_row_groups} groups")
    if not 0 <= metadata.num_rows <= MAX_ROWS:
        raise PredictionsError(
            f"{name}: {metadata.num_rows} rows, but the full subset has {MAX_ROWS}"
        )
    if not metadata.schema.to_arrow_schema().equals(schema):
        raise PredictionsError(f"{name}: its columns are not those of predictions")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(metadata.num_columns)]
    lengths = [getattr(field.type, "list_size", 1) for field in schema]
    if sum(chunk.num_values for chunk in chunks) != sum(lengths) * metadata.num_rows:
        raise PredictionsError(f"{name}: its lists are not of {max(lengths)} values")
    if sum(chunk.total_uncompressed_size for chunk in chunks) > _MAX_UNPACKED_BYTES:
        raise PredictionsError(f"{name}: it unpacks to more than {_MAX_UNPACKED_BYTES} bytes")


def arrange(image: Coded, variant: Coded, name: str) -> Grid:
    """Order the rows, and check that every photograph has each variant exactly once."""
    if not image.names:
        raise PredictionsError(f"{name}: there are no predictions in it")
    for image_id in image.names:
        if not is_image_id(image_id):
            raise PredictionsError(f"{name}: {image_id[:MAX_ID_LENGTH]!a} is no image id")
    known = {v.name for v in variants()}
    for variant_name in variant.names:
        if variant_name not in known:
            raise PredictionsError(f"{name}: no variant {variant_name[:MAX_ID_LENGTH]!a} exists")
    ladder = [v.name for v in variants() if v.name in variant.names]
    rungs = np.array([ladder.index(v) for v in variant.names], np.int64)
    cells = image.codes * len(ladder) + rungs[variant.codes]
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    repeated = ordered[1:] == ordered[:-1]
    if repeated.any():
        cell = ordered[repeated.argmax()]
        raise PredictionsError(_at(name, image.names, ladder, cell, "more than one row"))
    if len(ordered) != len(image.names) * len(ladder):
        gaps = np.append(ordered, -1) != np.arange(len(ordered) + 1)
        raise PredictionsError(_at(name, image.names, ladder, int(gaps.argmax()), "no row"))
    return Grid(image.names, tuple(ladder), order)


def check_values(grid: Grid, columns: dict[str, NDArray[Any]], name: str) -> None:
    """Check that every value is possible and that no two contradict each other.

    The columns are the file's numbers, each of shape (n, m) or (n, m, 5).
    """
    for wrong, complaint in _complaints(columns):
        if wrong.any():
            cell = int(wrong.argmax())
            raise PredictionsError(_at(name, grid.image_ids, grid.variants, cell, complaint))


def _complaints(columns: dict[str, NDArray[Any]]) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Find the cells that break each rule; later rules rely on earlier ones."""
    n_classes = len(classes.wnids())
    label, side = columns["label"], columns["short_side"]
    yield (label < 0) | (label >= n_classes), f"the label is not 0 to {n_classes - 1}"
    yield label != label[:, :1], "another label than in the image's other variants"
    yield (side < 1) | (side > _MAX_SIDE), f"the shorter side is not 1 to {_MAX_SIDE}"
    yield side != side[:, :1], "another shorter side than in the image's other variants"

    top = columns["top5_class"]
    yield _any((top < 0) | (top >= n_classes)), f"a class is not 0 to {n_classes - 1}"
    ordered = np.sort(top, axis=-1)
    yield _any(ordered[..., 1:] == ordered[..., :-1]), "a class is twice among the top 5"

    probability, true = columns["top5_probability"], columns["true_probability"]
    yield _any(~_is_probability(probability)), "a top-5 probability is not 0 to 1"
    yield ~_is_probability(true), "the true class's probability is not 0 to 1"
    rising = probability[..., 1:] > probability[..., :-1] * _ORDER_TOLERANCE
    yield _any(rising), "the top-5 probabilities are not in descending order"
    total = probability.sum(axis=-1, dtype=np.float64)
    yield total > 1 + _SUM_TOLERANCE, "the top-5 probabilities add up to more than 1"

    rank = columns["true_rank"]
    yield (rank < 1) | (rank > n_classes), f"the true class's rank is not 1 to {n_classes}"
    hits = top == label[..., None]
    listed = _any(hits)
    expected = hits.argmax(-1) + 1
    yield (
        np.where(listed, rank != expected, rank <= top.shape[-1]),
        "the rank contradicts the top 5",
    )
    given = np.take_along_axis(probability, hits.argmax(-1)[..., None], axis=-1)[..., 0]
    too_likely = true > probability[..., -1] * _ORDER_TOLERANCE
    yield (
        np.where(listed, true != given, too_likely),
        "the true class's probability contradicts the top 5",
    )


def _any(wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell for each cell whether any of its five values is wrong."""
    result: NDArray[np.bool_] = np.logical_or.reduce(wrong, axis=-1)
    return result


def _is_probability(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    # NaN fails both comparisons.
    return (values >= 0) & (values <= 1)


def _at(name: str, image_ids: Sequence[str], names: Sequence[str], cell: int, what: str) -> str:
    image, variant = divmod(cell, len(names))
    return f"{name}: {image_ids[image]!a}, {names[variant]}: {what}"

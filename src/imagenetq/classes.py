"""Define the 1,000 ImageNet classes in their usual order, sorted by WordNet id (wnid).

Each line of `classes.tsv` holds a wnid and its WordNet lemmas, as ILSVRC 2012 lists them. Two
classes share the lemma "crane". Here they are called "crane (bird)" and "crane (machine)", because
a `datasets.ClassLabel` needs unique names.
"""

from functools import cache
from importlib.resources import files


@cache
def _table() -> tuple[tuple[str, str], ...]:
    text = files("imagenetq").joinpath("classes.tsv").read_text(encoding="utf-8")
    wnids_and_names = [line.split("\t") for line in text.splitlines()]
    return tuple((wnid, name) for wnid, name in wnids_and_names)


@cache
def wnids() -> tuple[str, ...]:
    """List the 1,000 wnids; a class's label is its place in this tuple."""
    return tuple(wnid for wnid, _ in _table())


@cache
def names() -> tuple[str, ...]:
    """List the 1,000 unique class names, in label order."""
    return tuple(name for _, name in _table())


@cache
def labels() -> dict[str, int]:
    """Map each wnid to its label, 0 to 999."""
    return {wnid: label for label, wnid in enumerate(wnids())}

"""What is chosen by name among a few, as types: options of commands, and arguments in Python."""

from enum import StrEnum
from typing import Literal

Subset = Literal["full", "mini", "sample"]
"""Of a source: 10 photographs a class, 1 a class, or the embedded ones."""

Format = Literal["parquet", "webdataset"]
"""Of shards."""

Executor = Literal["local", "ray"]
"""Processes of this machine, or a Ray cluster."""

Gate = Literal["manual", "auto"]
"""Who answers requests for access to a repository on the Hub: its owners, or the Hub."""

Precision = Literal["fp32", "tf32", "bf16", "fp16"]
"""Of the arithmetic."""

RANKED_PRECISION: Precision = "fp32"
"""The one whose results repeat elsewhere, and are ranked."""

Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
"""How pictures are resized: Pillow's filters."""

Render = Literal["auto", "cpu", "gpu"]
"""`gpu` demands that the device renders, `auto` lets it where it can and is a GPU."""

CheckPixels = Literal["all", "sample", "none"]
"""Which rows' pixels are hashed and compared: `sample` is the first of each shard, and 1 in 20; of
bare tars, for whose bytes no manifest vouches, it is every row.

A manifest's hash proves the stored bytes; this proves that this machine decodes them as it should.
"""


class Figure(StrEnum):
    """A piece of a report, in its order; an enumeration, since an option may give several."""

    TABLE1 = "table1"
    FIGURE1 = "1"
    FIGURE2 = "2"
    FIGURE3 = "3"
    FIGURE4 = "4"
    FINDINGS = "findings"
    CONSISTENCY = "consistency"
    CLASSES = "classes"
    RISK = "risk"
    STABILITY = "stability"

"""Define the types of options that are chosen by name, on the command line and in Python."""

from enum import StrEnum
from typing import Literal

Subset = Literal["full", "mini", "sample"]
"""How much of a source is taken: 10 photographs a class, 1 a class, or the embedded ones."""

Format = Literal["parquet", "webdataset"]
"""File format of the shards."""

Executor = Literal["local", "ray"]
"""Where work runs: in processes of this machine, or on a Ray cluster."""

Gate = Literal["manual", "auto"]
"""Who answers requests for access to a repository on the Hub: its owners, or the Hub."""

Precision = Literal["fp32", "tf32", "bf16", "fp16"]
"""Precision of the arithmetic."""

RANKED_PRECISION: Precision = "fp32"
"""The only precision that is ranked, because its results repeat on other machines."""

Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
"""How images are resized, by the names of Pillow's filters."""

Render = Literal["auto", "cpu", "gpu"]
"""Who renders variants: `cpu` is the worker processes, and `gpu` demands that the device renders.
`auto` lets the device render if it is a GPU that can."""

CheckPixels = Literal["all", "sample", "none"]
"""Which rows' pixels are hashed and compared: `sample` is the first of each shard, and 1 in 20.

Of bare tars, `sample` is every row, since no manifest vouches for their bytes. A manifest's hash
proves the stored bytes; this check proves that this machine decodes them as it should.
"""


class Figure(StrEnum):
    """A piece of a report, in the report's order.

    It is an enumeration because a command's option may give several.
    """

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

"""State the options of a build once: as its functions take them, and as one value inside."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict


class BuildOptions(TypedDict, total=False):
    """The keyword arguments of `build`; any of them may be left out."""

    subset: str | None
    """`full` or `mini`; the source's default if None or left out."""

    format_name: str
    """`parquet`, which is the default, or `webdataset`."""

    only: Iterable[str] | None
    """Variants and distortions to build; all if None or left out."""

    workers: int | None
    """Number of units built at once; one a core if None or left out."""

    executor: str
    """`local`, which is the default, for processes of this machine, or `ray`."""

    allow_short: bool
    """Record classes with too few photographs, instead of refusing them, which is the default."""

    skip_bad: bool
    """Leave bad photographs out and record them, instead of ending incomplete, which is the
    default."""


@dataclass(frozen=True)
class Options:
    """The same options with their defaults; a name that is none of them is refused."""

    subset: str | None = None
    format_name: str = "parquet"
    only: Iterable[str] | None = None
    workers: int | None = None
    executor: str = "local"
    allow_short: bool = False
    skip_bad: bool = False

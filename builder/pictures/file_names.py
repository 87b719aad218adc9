"""Choose under which name, and as what kind of file, each picture's variants are stored."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from imagenetq.builder.shards.image_files import JPEG, JPEG2000
from imagenetq.errors import UsageError
from imagenetq.pictures import says_jpeg
from imagenetq.specification import CLEAN, Variant

PNG = "png"

_CODESTREAMS = {"jpeg": JPEG, "jpeg2000": JPEG2000}


def file_kind(variant: Variant) -> str | None:
    """Give the kind of a variant's files: `jpg`, `j2k` or `png`; None if it is the original's."""
    return None if variant.distortion == CLEAN else _CODESTREAMS.get(variant.distortion, PNG)


def file_names(
    paths: Sequence[str], variants: Sequence[Variant], *, keep_names: bool
) -> dict[str, tuple[str, ...]]:
    """List all files' names below their variant's folder, by variant, in the pictures' order.

    Unless names are kept, a suffix that says another kind than the file's is replaced, or, where
    pictures differ in it alone, the right one is appended.
    """
    kinds = {file_kind(variant) for variant in variants}
    named = {kind: _of_kind(paths, None if keep_names else kind) for kind in kinds}
    return {variant.name: named[file_kind(variant)] for variant in variants}


def says_another_kind(name: str, kind: str | None) -> bool:
    """Tell whether a file's suffix says that it is of another kind than it is."""
    if kind is None or (kind == JPEG and says_jpeg(name)):
        return False
    return not name.lower().endswith(f".{kind}")


def _of_kind(paths: Sequence[str], kind: str | None) -> tuple[str, ...]:
    if kind is None:
        return tuple(paths)
    n_alike = Counter(_stem(path) for path in paths)
    names: dict[str, str] = {}
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    for path in paths:
        name = path
        if says_another_kind(path, kind):
            name = f"{_stem(path) if n_alike[_stem(path)] == 1 else path}.{kind}"
        if name in folders or names.setdefault(name, path) != path:
            other = names.get(name, f"the folder {name}")
            raise UsageError(
                f"{path} and {other} would both become {name}; rename one, or leave "
                "--fit-suffixes out"
            )
    return tuple(names)


def _stem(path: str) -> str:
    """Give a path without its last suffix."""
    return path.rpartition(".")[0]

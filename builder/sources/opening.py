"""Open the source that the caller names as SOURCE."""

import stat
from pathlib import Path

from imagenetq.builder.sources.archive import TarArchive
from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.folder import TINY_IMAGES, ClassFolders, FlatFolder
from imagenetq.builder.sources.labels import ANNOTATIONS_NAME
from imagenetq.builder.sources.listing import class_folders, image_files
from imagenetq.builder.sources.sample import Sample
from imagenetq.errors import SourceError, UsageError
from imagenetq.hub import PREFIX
from imagenetq.pictures import reason
from imagenetq.selection import SAMPLE

_VALIDATION_TAR = "ILSVRC2012_img_val.tar"
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_EXPECTED = (
    "a source is a folder of class folders, a folder or .tar of validation photographs, "
    f"{PREFIX}ORG/NAME, or the word {SAMPLE}"
)


def open_source(spec: str | Path) -> Source:
    """Open the source that a word, an address or a path names.

    Args:
        spec: `sample`; `hf:ORG/NAME`; a .tar; or a folder of class folders, of validation
            photographs, of `ILSVRC2012_img_val.tar`, Tiny ImageNet's, or with a sub-folder `val`
            of one of these. A `Path` is always taken for a path.

    Raises:
        UsageError: there is nothing of that name, it is neither a folder nor a .tar, or the
            address has another form.
        SourceError: the path cannot be read, or the folder has none of these layouts.
    """
    if spec == SAMPLE:
        return Sample()
    if isinstance(spec, str) and spec.startswith(PREFIX):
        from imagenetq.builder.sources.hub import HubDataset

        return HubDataset(spec.removeprefix(PREFIX))
    path = Path(spec)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: no such file or folder; {_EXPECTED}") from None
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path}: cannot be read ({reason(error)}); name a path that you may read"
        ) from error
    # A worker on another machine may have another working directory.
    path = path.absolute()
    if stat.S_ISREG(mode) and path.name.lower().endswith(_TAR_SUFFIXES):
        return TarArchive(path)
    if not stat.S_ISDIR(mode):
        raise UsageError(f"{path}: neither a folder nor a .tar; {_EXPECTED}")
    for folder in (path, path / "val"):
        if folder.is_dir() and (source := _layout(folder)):
            return source
    raise SourceError(
        f"{path}: neither class folders, nor photographs, nor {_VALIDATION_TAR}, "
        f"here or in a sub-folder val; {_EXPECTED}"
    )


def _layout(folder: Path) -> Source | None:
    if class_folders(folder):
        return ClassFolders(folder)
    if (folder / ANNOTATIONS_NAME).is_file() and (folder / TINY_IMAGES).is_dir():
        return FlatFolder(folder / TINY_IMAGES)
    if image_files(folder):
        return FlatFolder(folder)
    if (folder / _VALIDATION_TAR).is_file():
        return TarArchive(folder / _VALIDATION_TAR)
    return None

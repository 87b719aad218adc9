"""Open the dataset that a path or an address names."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imagenetq.choices import CheckPixels
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.data.bare_tars import BareTars, tar_names
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.data.stored_shards import StoredShards
from imagenetq.hub import PREFIX, HubAddress
from imagenetq.manifest import MANIFEST_NAME
from imagenetq.remote_errors import is_busy
from imagenetq.retrying import Interrupted, Patience, retried
from imagenetq.storage import local_path


def open_data(
    spec: str | Path, *, check_pixels: CheckPixels = "sample", patience: Patience | None = None
) -> Data:
    """Open the dataset that a path or an address names.

    Args:
        spec: a built folder; `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`; the URL of a built folder
            (`https://`, `s3://`, `file://` or any other that fsspec can open); or tars, by paths
            or URLs with `*` and braces, separated by commas or spaces. A `Path` is always a folder
            or a tar.
        check_pixels: which rows' pixels to compare with their hash.
        patience: how long to go on asking a remote storage that fails.

    Raises:
        UsageError: there is nothing of that name, or nothing installed can open it.
        SourceError: the Hub's repository cannot be read; `AccessError` if it is gated.
        FolderError: the dataset is incomplete, damaged, or of another version.
        OSError: the storage failed for good.
    """
    name, patience = str(spec), patience or Patience()
    path = local_path(name) if isinstance(spec, str) else spec
    if path is not None and _is(path.is_dir):
        if not (path / MANIFEST_NAME).is_file():
            raise FolderError(
                f"{path}: no {MANIFEST_NAME}, so no complete dataset; if these are ImageNet's own "
                f"photographs, give --source {path}; if its build was interrupted, run the same "
                "command again"
            )
        return StoredShards(str(path), check_pixels, patience)
    if isinstance(spec, str) and name.startswith(PREFIX) and "://" not in name:
        root = _pinned(name.removeprefix(PREFIX), patience)
        return StoredShards(root, check_pixels, patience)
    is_tar = path is not None and path.suffix == ".tar" and _is(path.is_file)
    tars = [name] if is_tar else tar_names(name)
    if tars:
        return BareTars(tars, check_pixels, patience)
    if path is None:
        return StoredShards(name, check_pixels, patience)
    raise UsageError(
        f"{name}: no such folder; a dataset is a folder that `imagenetq build` made, its URL, "
        f"{PREFIX}ORG/NAME, or tars such as q/data/jpeg-10/*.tar"
    )


def _pinned(address: str, patience: Patience) -> str:
    """Give the URL of a repository at the commit that its revision names now."""
    repository = HubAddress.parse(address, example="hf:ORG/imagenet-q")

    def ask() -> str:
        try:
            return repository.pin()
        except Exception as error:
            if is_busy(error):
                raise Interrupted(f"{repository}: the Hub is busy") from error
            raise

    with repository.explained():
        commit = retried(ask, patience)
    return f"hf://datasets/{repository.repository}@{commit}"


def _is(test: Callable[[], bool]) -> bool:
    # A list of URLs may be too long to be the name of a file.
    with suppress(OSError, ValueError):
        return test()
    return False

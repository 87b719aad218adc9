"""A path or an address comes in; a dataset's folder goes out, on a disk or in an object store."""

from pathlib import Path

from imagenetq.builder.folders.base import STATE, DatasetFolder, Hold
from imagenetq.builder.folders.local import LocalFolder
from imagenetq.builder.folders.remote import RemoteFolder
from imagenetq.hub import PREFIX, HubAddress
from imagenetq.storage import local_path

__all__ = ["STATE", "DatasetFolder", "Hold", "open_folder"]


def open_folder(spec: str | Path) -> DatasetFolder:
    """Open the folder that a path or an address names; it need not exist.

    An address is a URL such as `s3://bucket/q`, `gs://..` or `file://..`; or a repository of the
    Hub, `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`, at its present commit.
    """
    if isinstance(spec, Path):
        return LocalFolder(spec)
    if spec.startswith(PREFIX) and "://" not in spec:
        address = HubAddress.parse(spec.removeprefix(PREFIX), example="hf:ORG/imagenet-q")
        with address.explained():
            commit = address.pin()
        return RemoteFolder(f"hf://datasets/{address.repository}@{commit}")
    path = local_path(spec)
    return RemoteFolder(spec) if path is None else LocalFolder(path)

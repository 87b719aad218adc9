"""A path or an address comes in; a dataset's folder goes out, on a disk or in an object store."""

from imagenetq.builder.folders.base import STATE, DatasetFolder, Hold
from imagenetq.builder.folders.opening import open_folder

__all__ = ["STATE", "DatasetFolder", "Hold", "open_folder"]

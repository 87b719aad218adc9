"""Take a path or an address, and open a dataset's folder on a disk or in an object store."""

from imagenetq.builder.folders.base import STATE, DatasetFolder, Hold
from imagenetq.builder.folders.opening import open_folder

__all__ = ["STATE", "DatasetFolder", "Hold", "open_folder"]

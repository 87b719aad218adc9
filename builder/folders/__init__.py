"""Where datasets lie: on this machine, or in an object store."""

from imagenetq.builder.folders.base import STATE, DatasetFolder, Hold
from imagenetq.builder.folders.opening import open_folder

__all__ = ["STATE", "DatasetFolder", "Hold", "open_folder"]

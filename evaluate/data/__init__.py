"""Data to evaluate on: built datasets wherever they lie, or clean images to render from."""

from imagenetq.evaluate.data.base import Data, Identity, Sample, Task
from imagenetq.evaluate.data.clean_source import CleanSource, Source
from imagenetq.evaluate.data.opening import open_data
from imagenetq.retrying import Patience

__all__ = [
    "CleanSource",
    "Data",
    "Identity",
    "Patience",
    "Sample",
    "Source",
    "Task",
    "open_data",
]

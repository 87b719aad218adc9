"""A path, an address or a source comes in; tasks go out, each a stream of samples."""

from imagenetq.evaluate.data.base import Data, Identity, Sample, Task
from imagenetq.evaluate.data.clean_source import CleanSource
from imagenetq.evaluate.data.opening import open_data
from imagenetq.evaluate.data.photographs import Source
from imagenetq.retrying import Patience

__all__ = ["CleanSource", "Data", "Identity", "Patience", "Sample", "Source", "Task", "open_data"]

"""Prepared inputs come in; the same go out in a later pass, which decodes nothing."""

from imagenetq.evaluate.inputs.cache.reader import Cached, Lost, cached_batches, find_cached
from imagenetq.evaluate.inputs.cache.store import Store
from imagenetq.evaluate.inputs.cache.writer import Filler

__all__ = ["Cached", "Filler", "Lost", "Store", "cached_batches", "find_cached"]

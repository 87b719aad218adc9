"""A cache of prepared inputs, cropped and ready, so that a second pass decodes nothing."""

from imagenetq.evaluate.cache.filling import Filler
from imagenetq.evaluate.cache.reading import Cached, Lost, cached_batches, find_cached
from imagenetq.evaluate.cache.store import Store

__all__ = ["Cached", "Filler", "Lost", "Store", "cached_batches", "find_cached"]

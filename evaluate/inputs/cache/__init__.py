"""Prepared inputs come in; the same go out in a later pass, which decodes nothing."""

from imagenetq.evaluate.inputs.cache.reader import CachedTask, Lost, cached_batches
from imagenetq.evaluate.inputs.cache.store import Store
from imagenetq.evaluate.inputs.cache.writer import CacheWriter

__all__ = ["CacheWriter", "CachedTask", "Lost", "Store", "cached_batches"]

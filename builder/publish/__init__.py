"""A built folder comes in; it, or its recipe alone, goes out to the Hub or to a storage."""

from imagenetq.builder.card.card import terms
from imagenetq.builder.publish.copying import Copied, copy
from imagenetq.builder.publish.pushing import Pushed, push

__all__ = ["Copied", "Pushed", "copy", "push", "terms"]

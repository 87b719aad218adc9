"""Take a built folder, and publish it, or its recipe alone, on the Hub or in a storage."""

from imagenetq.builder.card.terms import terms
from imagenetq.builder.publish.copying import Copied, copy
from imagenetq.builder.publish.pushing import Pushed, push

__all__ = ["Copied", "Pushed", "copy", "push", "terms"]

"""A dataset to the Hugging Face Hub, or its recipe alone; or to a storage."""

from imagenetq.builder.card.terms import terms
from imagenetq.builder.publish.copying import Copied, copy
from imagenetq.builder.publish.pushing import Pushed, push

__all__ = ["Copied", "Pushed", "copy", "push", "terms"]

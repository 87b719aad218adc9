"""A built dataset, or its recipe, to the Hugging Face Hub."""

from imagenetq.builder.publish.pushing import Pushed, push
from imagenetq.builder.publish.terms import terms

__all__ = ["Pushed", "push", "terms"]

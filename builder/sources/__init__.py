"""A copy of ImageNet in any layout comes in; its photographs and labels go out."""

from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.opening import open_source

__all__ = ["Source", "open_source"]

"""Take a copy of ImageNet in any layout, and give its photographs and labels."""

from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.opening import open_source

__all__ = ["Source", "open_source"]

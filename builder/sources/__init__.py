"""Where ImageNet images come from."""

from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.opening import open_source

__all__ = ["Source", "open_source"]

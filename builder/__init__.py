"""ImageNet in, shards out."""

from imagenetq.builder.build import build
from imagenetq.builder.contact_sheet import contact_sheet
from imagenetq.builder.estimate import Estimate, estimate
from imagenetq.builder.publish import Pushed, push
from imagenetq.builder.sources import Source, open_source
from imagenetq.builder.verify import verify

__all__ = [
    "Estimate",
    "Pushed",
    "Source",
    "build",
    "contact_sheet",
    "estimate",
    "open_source",
    "push",
    "verify",
]

"""Take ImageNet, and make, verify, describe and publish shards of its variants."""

from imagenetq.builder.building.build import ShareBuilt, build, build_share
from imagenetq.builder.building.estimate import Estimate, estimate
from imagenetq.builder.building.options import BuildOptions
from imagenetq.builder.contact_sheet import contact_sheet
from imagenetq.builder.folders.share import Share
from imagenetq.builder.pictures import (
    RenderManifest,
    is_rendered_folder,
    render_folder,
    verify_rendered_folder,
)
from imagenetq.builder.publish import Copied, Pushed, copy, push
from imagenetq.builder.recipe import Likeness, build_like, open_recipe
from imagenetq.builder.sources import Source, open_source
from imagenetq.builder.verifying.verify import verify

__all__ = [
    "BuildOptions",
    "Copied",
    "Estimate",
    "Likeness",
    "Pushed",
    "RenderManifest",
    "Share",
    "ShareBuilt",
    "Source",
    "build",
    "build_like",
    "build_share",
    "contact_sheet",
    "copy",
    "estimate",
    "is_rendered_folder",
    "open_recipe",
    "open_source",
    "push",
    "render_folder",
    "verify",
    "verify_rendered_folder",
]

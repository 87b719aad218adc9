"""A folder of pictures comes in; the same tree of each variant, and a manifest, go out."""

from imagenetq.builder.pictures.manifest import BadPicture, RenderManifest
from imagenetq.builder.pictures.render import render_folder
from imagenetq.builder.pictures.verify import is_rendered_folder, verify_rendered_folder

__all__ = [
    "BadPicture",
    "RenderManifest",
    "is_rendered_folder",
    "render_folder",
    "verify_rendered_folder",
]

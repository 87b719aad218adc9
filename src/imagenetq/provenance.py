"""Find what made a file: the versions of this code and of the libraries that decide its bytes."""

import json
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from PIL import features

from imagenetq import __version__

REPOSITORY = "https://github.com/OWNER/imagenet-q"
"""Address of this code's repository, as `pyproject.toml` has it. It stands here because a file that
names it must not depend on which installation's metadata Python finds first."""


def code_version() -> str:
    """Give the version of imagenetq."""
    return __version__


@cache
def code_commit() -> str | None:
    """Find the commit that this code was taken from; None if neither the checkout nor pip knows it.

    For a checkout with uncommitted changes, it ends in `-dirty`.
    """
    package = Path(__file__).resolve().parent
    # Only metadata beside this code is of it; Python may find another installation's first.
    for installed in metadata.distributions(name="imagenetq", path=[str(package.parent)]):
        origin = json.loads(installed.read_text("direct_url.json") or "{}")
        if commit := origin.get("vcs_info", {}).get("commit_id"):
            return str(commit)
    root = package.parents[1]  # The checkout, above src/.
    if not (root / ".git").exists():
        return None
    described = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None


@cache
def library_versions() -> dict[str, str]:
    """Give the versions of the libraries that decide pixels or stored bytes, by name."""
    codecs = {
        "libjpeg-turbo": features.version_feature("libjpeg_turbo"),
        "OpenJPEG": features.version_codec("jpg_2000"),
        "libwebp": features.version_module("webp"),
    }
    return {
        "Pillow": metadata.version("Pillow"),
        **{name: version or "absent" for name, version in codecs.items()},
        **{name: metadata.version(name) for name in ("numpy", "scipy", "pyarrow")},
    }

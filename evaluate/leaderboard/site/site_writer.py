"""Write the site into a folder, over an earlier one, and touch nothing that is not the site's."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from imagenetq.errors import FolderError
from imagenetq.evaluate.leaderboard.site.board import Board
from imagenetq.evaluate.leaderboard.site.board_data import scripts
from imagenetq.evaluate.leaderboard.site.level_gallery import pictures
from imagenetq.evaluate.leaderboard.site.pages import pages, styles_and_scripts
from imagenetq.evaluate.leaderboard.site.ranking import ranks
from imagenetq.files import write_whole
from imagenetq.specification import DATASET_VERSION

MANIFEST_NAME = "site.json"
"""Name of the file that marks a folder as a site, and lists the site's files."""

CARD_NAME = "README.md"
"""Name of the card of a static Space, by which the Hugging Face Hub serves a folder as a site."""

_CARD_FACTS = {
    "title": "ImageNet-Q leaderboard",
    "emoji": "\N{CAMERA}",
    "colorFrom": "blue",
    "colorTo": "yellow",
    "sdk": "static",
    "app_file": "index.html",
    "pinned": False,
    "license": "apache-2.0",
    "short_description": "How image quality affects image classifiers",
    "tags": ["leaderboard", "imagenet", "robustness", "image-classification"],
}

_CARD_TEXT = f"""
# ImageNet-Q leaderboard

Top-1 accuracy of image classifiers on blurred, noisy, pale and compressed ImageNet photographs,
dataset version {DATASET_VERSION}. Every number is recomputed from an entry's predictions.

`imagenetq leaderboard build --space` makes this folder; what is changed here by hand is lost.
"""

_MADE_BY = "imagenetq leaderboard build"
_OURS = re.compile(
    r"((answers|levels|vendor)/)?[a-z0-9][A-Za-z0-9._-]*\.(html|js|css|webp|txt)|README\.md"
)


@dataclass(frozen=True)
class Site:
    """A site that was written."""

    folder: Path
    entries: int
    files: int
    bytes: int
    """Size of all its files together, in bytes."""


def write_site(board: Board, out: Path, *, space: bool = False) -> Site:
    """Write the site; the same entries give the same bytes.

    Each file is replaced as a whole, the first page last, so that whoever reads meanwhile finds a
    site. Other files of an earlier site are removed; a stranger's, such as a repository's, stay,
    and are refused where one of the site's belongs. `space` adds the card that makes the folder a
    static Space of the Hugging Face Hub.
    """
    before = _earlier_files(out)
    site = dict(site_files(board))
    if space:
        facts = yaml.safe_dump(_CARD_FACTS, sort_keys=False, allow_unicode=True)
        site[CARD_NAME] = f"---\n{facts}---\n{_CARD_TEXT}".encode()
    foreign = sorted(name for name in site if name not in before and (out / name).exists())
    if foreign:
        raise FolderError(
            f"{out / foreign[0]}: a file of the site belongs there, and no earlier one wrote what "
            "is there; move it, or give another --out"
        )
    # If this process is killed, the next build still knows these files as the site's.
    _write_manifest(out, sorted(before | set(site)))
    for name in sorted(site, key=lambda name: (name == "index.html", name)):
        write_whole(out / name, site[name])
    for name in sorted(before - set(site)):
        (out / name).unlink(missing_ok=True)
    _write_manifest(out, sorted(site))
    return Site(out, len(board.standings), len(site), sum(map(len, site.values())))


def site_files(board: Board) -> Mapping[str, bytes]:
    """Make the site's files, by their path in it."""
    ranked = ranks(board)
    texts = {**pages(board, ranked), **styles_and_scripts(), **scripts(board, ranked)}
    levels = {f"levels/{name}": content for name, content in pictures().items()}
    return {name: text.encode() for name, text in texts.items()} | levels


def _earlier_files(out: Path) -> set[str]:
    """List the files of an earlier site; none if the folder is empty or not there."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return set()
    try:
        stated = json.loads((out / MANIFEST_NAME).read_bytes())
        files = stated["files"] if stated["made_by"] == _MADE_BY else None
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        files = None
    # A strange manifest must not make us remove a stranger's files.
    if not isinstance(files, list) or not all(
        isinstance(name, str) and _OURS.fullmatch(name) for name in files
    ):
        raise FolderError(
            f"{out}: not empty, and no site that {_MADE_BY} made; give --out an empty folder"
        )
    return set(files)


def _write_manifest(out: Path, names: list[str]) -> None:
    text = json.dumps({"made_by": _MADE_BY, "files": names}, indent=1) + "\n"
    write_whole(out / MANIFEST_NAME, text.encode())

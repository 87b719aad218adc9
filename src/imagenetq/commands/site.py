"""Define the command that builds the leaderboard's pages: `leaderboard build`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imagenetq.commands.common import Json, explains_errors, option
from imagenetq.words import counted


@explains_errors
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of entry folders.")] = Path(
        "leaderboard/entries"
    ),
    out: Annotated[Path, option("The site's folder: an earlier site, empty, or none yet.")] = Path(
        "site"
    ),
    fetched: Annotated[
        Path | None, option("Where check kept predictions fetched from the Hub.")
    ] = None,
    space: Annotated[
        bool, option("Add the card of a static Space of the Hugging Face Hub.", "--space")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the leaderboard's static site; the same entries give the same bytes."""
    from imagenetq.evaluate.leaderboard.site import read_board, write_site

    site = write_site(read_board(folder, fetched=fetched), out, space=space)
    if as_json:
        print(json.dumps(asdict(site) | {"folder": str(site.folder)}, indent=1))
        return
    entries = counted(site.entries, "entry", "entries")
    print(f"{site.folder}: {entries}, {counted(site.files, 'file')}, {site.bytes / 1e6:.2f} MB")
    print(site.folder / "index.html")

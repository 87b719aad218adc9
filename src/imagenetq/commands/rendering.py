"""Define the command that renders any folder of pictures: render."""

from typing import Annotated

import typer
from rich.filesize import decimal

from imagenetq.commands.common import DATA, OUTPUT, Json, Workers, explains_errors, names, option
from imagenetq.words import counted


@explains_errors
def render(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Any tree of pictures; no labels are needed.")
    ],
    out: Annotated[
        str,
        option(
            "Where the variants go: DIR/blur-3/.. with the tree and names of FOLDER.",
            panel=OUTPUT,
            metavar="DIR",
        ),
    ],
    only: Annotated[
        str | None,
        option(
            "Variants and distortions, such as clean,blur-3,jpeg; all 52 if not given.",
            panel=DATA,
            metavar="VARIANTS",
        ),
    ] = None,
    workers: Workers = None,
    keep_names: Annotated[
        bool,
        option(
            "Keep every name, which annotations go by, or let suffixes say what files are: "
            "a.jpg becomes blur-3/a.png.",
            "--keep-names/--fit-suffixes",
            panel=OUTPUT,
        ),
    ] = True,
    skip_bad: Annotated[
        bool, option("Leave unreadable pictures out, and record them.", "--skip-bad", panel=DATA)
    ] = False,
    as_json: Json = False,
) -> None:
    """Render any folder of pictures, or go on with that; verify DIR FOLDER proves it."""
    from imagenetq import builder

    manifest = builder.render_folder(
        folder, out, only=names(only), workers=workers, keep_names=keep_names, skip_bad=skip_bad
    )
    if as_json:
        print(manifest.to_json(), end="")
        return
    pictures = counted(manifest.pictures, "picture")
    variants = counted(len(manifest.variants), "variant")
    print(f"{out}: {pictures} x {variants}, {decimal(manifest.bytes)}")
    if manifest.bad_pictures:
        print(f"left out: {counted(len(manifest.bad_pictures), 'unreadable picture')}")
    print(f"pixel digest {manifest.pixel_digest}")

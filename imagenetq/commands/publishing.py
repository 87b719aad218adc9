"""The command that publishes a dataset: push."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imagenetq.commands.ending import Json, Workers, explains_errors, note


@explains_errors
def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A built dataset.")],
    name: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="The dataset repository; made if absent.")
    ],
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see it and ask for access.")
    ] = False,
    accept_terms: Annotated[
        bool,
        typer.Option("--accept-imagenet-terms", help="You accept ImageNet's terms of access."),
    ] = False,
    gated: Annotated[
        str | None,
        typer.Option(help="Who answers requests for access: manual (you; default) or auto."),
    ] = None,
    recipe_only: Annotated[
        bool, typer.Option("--recipe-only", help="Digests and pixel hashes, without an image.")
    ] = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Verify a dataset, and publish it on the Hugging Face Hub: private and gated by default."""
    from imagenetq import builder
    from imagenetq.builder.publish import terms

    if public and not recipe_only:
        note(terms())
        if not accept_terms and sys.stdin.isatty():
            accept_terms = typer.confirm("Do you accept them?", err=True)
    pushed = builder.push(
        folder,
        name,
        public=public,
        accept_terms=accept_terms,
        gated=gated,
        recipe_only=recipe_only,
        workers=workers,
    )
    if as_json:
        print(json.dumps(asdict(pushed), indent=1))
        return
    seen = "private" if pushed.private else "public"
    gate = f", access {pushed.gated}" if pushed.gated else ""
    there = "was there already, nothing to do" if pushed.was_there else "published"
    print(f"{pushed.page} {pushed.tag}: {there} ({seen}{gate})")
    print(f"pixel digest {pushed.pixel_digest}")
    print(pushed.loading)

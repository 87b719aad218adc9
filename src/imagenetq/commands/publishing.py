"""Define the command that publishes a dataset: push."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from imagenetq.choices import Gate
from imagenetq.commands.common import Json, Workers, explains_errors, note, option
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.builder import Copied, Pushed

_THERE = "was there already, nothing to do"


@explains_errors
def push(
    dataset: Annotated[str, typer.Argument(metavar="DIR|URL", help="A built dataset.")],
    target: Annotated[
        str,
        typer.Argument(
            metavar="ORG/NAME|URL",
            help="A dataset repository on the Hub, made if absent; or a place in a storage.",
        ),
    ],
    public: Annotated[bool, option("Let everybody see it and ask for access.", "--public")] = False,
    accept_terms: Annotated[
        bool, option("You accept ImageNet's terms of access.", "--accept-imagenet-terms")
    ] = False,
    gated: Annotated[
        Gate | None,
        option("Who answers requests for access: manual, you (default); auto, the Hub."),
    ] = None,
    recipe_only: Annotated[
        bool, option("Digests and pixel hashes, without an image.", "--recipe-only")
    ] = False,
    benchmark: Annotated[
        bool,
        option("With eval.yaml, once the Hub's list of frameworks has ImageNet-Q.", "--benchmark"),
    ] = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Verify a dataset, and publish it on the Hub, private and gated, or copy it to a storage."""
    from imagenetq.progress import working

    to_storage = "://" in target
    if to_storage and (public or accept_terms or gated is not None or recipe_only or benchmark):
        raise UsageError(
            f"{target}: --public, --accept-imagenet-terms, --gated, --recipe-only and "
            "--benchmark are for the Hub; who may read a storage is set there"
        )
    with working("loading the builder"):
        from imagenetq import builder
        from imagenetq.builder.publish import terms
    if to_storage:
        copied = builder.copy(dataset, target, workers=workers)
        line = f"{copied.place}: {_THERE if copied.was_there else 'copied'}"
        _print(copied, line, as_json=as_json)
        return
    if public and not recipe_only:
        note(terms())
        if not accept_terms and sys.stdin.isatty():
            accept_terms = typer.confirm("Do you accept them?", err=True)
    pushed = builder.push(
        dataset,
        target,
        public=public,
        accept_terms=accept_terms,
        gated=gated,
        recipe_only=recipe_only,
        benchmark=benchmark,
        workers=workers,
    )
    seen = "private" if pushed.private else "public"
    gate = f", access {pushed.gated}" if pushed.gated else ""
    outcome = _THERE if pushed.was_there else "published"
    line = f"{pushed.page} {pushed.tag}: {outcome} ({seen}{gate})"
    _print(pushed, line, as_json=as_json)


def _print(published: "Copied | Pushed", line: str, *, as_json: bool) -> None:
    """Print what was published as JSON, or a line about it, its digest and how to load it."""
    if as_json:
        print(json.dumps(asdict(published), indent=1))
    else:
        print(f"{line}\npixel digest {published.pixel_digest}\n{published.loading}")

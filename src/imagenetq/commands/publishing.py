"""Define the command that publishes a dataset: push."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from imagenetq.choices import Gate
from imagenetq.commands.common import Json, Workers, explains_errors, note
from imagenetq.errors import UsageError

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
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see it and ask for access.")
    ] = False,
    accept_terms: Annotated[
        bool,
        typer.Option("--accept-imagenet-terms", help="You accept ImageNet's terms of access."),
    ] = False,
    gated: Annotated[
        Gate | None,
        typer.Option(help="Who answers requests for access: manual, you (default); auto, the Hub."),
    ] = None,
    recipe_only: Annotated[
        bool, typer.Option("--recipe-only", help="Digests and pixel hashes, without an image.")
    ] = False,
    benchmark: Annotated[
        bool,
        typer.Option(
            "--benchmark", help="With eval.yaml, once the Hub's list of frameworks has ImageNet-Q."
        ),
    ] = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Verify a dataset, and publish it on the Hub, private and gated, or copy it to a storage."""
    if "://" in target:
        if public or accept_terms or gated is not None or recipe_only or benchmark:
            raise UsageError(
                f"{target}: --public, --accept-imagenet-terms, --gated, --recipe-only and "
                "--benchmark are for the Hub; who may read a storage is set there"
            )
        _push_to_storage(dataset, target, workers, as_json=as_json)
    else:
        _push_to_hub(
            dataset,
            target,
            public=public,
            accept_terms=accept_terms,
            gated=gated,
            recipe_only=recipe_only,
            benchmark=benchmark,
            workers=workers,
            as_json=as_json,
        )


def _push_to_hub(
    dataset: str,
    name: str,
    *,
    public: bool,
    accept_terms: bool,
    gated: Gate | None,
    recipe_only: bool,
    benchmark: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    from imagenetq import builder
    from imagenetq.builder.publish import terms

    if public and not recipe_only:
        note(terms())
        if not accept_terms and sys.stdin.isatty():
            accept_terms = typer.confirm("Do you accept them?", err=True)
    pushed = builder.push(
        dataset,
        name,
        public=public,
        accept_terms=accept_terms,
        gated=gated,
        recipe_only=recipe_only,
        benchmark=benchmark,
        workers=workers,
    )
    if as_json:
        print(json.dumps(asdict(pushed), indent=1))
        return
    seen = "private" if pushed.private else "public"
    gate = f", access {pushed.gated}" if pushed.gated else ""
    there = _THERE if pushed.was_there else "published"
    print(f"{pushed.page} {pushed.tag}: {there} ({seen}{gate})")
    print(f"pixel digest {pushed.pixel_digest}")
    print(pushed.loading)


def _push_to_storage(dataset: str, place: str, workers: int | None, *, as_json: bool) -> None:
    from imagenetq import builder

    copied = builder.copy(dataset, place, workers=workers)
    if as_json:
        print(json.dumps(asdict(copied), indent=1))
        return
    print(f"{copied.place}: {_THERE if copied.was_there else 'copied'}")
    print(f"pixel digest {copied.pixel_digest}")
    print(copied.loading)

"""Define the commands around evaluating models: eval, models."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from imagenetq.choices import CheckPixels, Precision, Render
from imagenetq.commands.common import (
    DATA,
    FAILED,
    MODEL,
    OUTPUT,
    RUN,
    Json,
    Only,
    Workers,
    end,
    explains_errors,
    names,
    note,
    option,
    print_facts,
)
from imagenetq.commands.models_file import read_models
from imagenetq.commands.options import DataOptions, ModelOptions, spliced
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate import Data, Failure, LoadOptions, Result, Settings

_DEFAULT_DATA = Path("imagenet-q")


@dataclass(frozen=True)
class _RunOptions:
    """The options of a run, by the names of `Settings.of`."""

    PANEL: ClassVar[str] = RUN

    precision: Annotated[Precision, option("Of the arithmetic; only fp32 is ranked.")] = "fp32"
    device: Annotated[str | None, option("cuda, cuda:1, cpu ..; a GPU if there is one.")] = None
    batch_size: Annotated[int, option("Images that the networks see at a time.", min=1)] = 64
    workers: Workers = None
    compiled: Annotated[bool, option("Compile the networks first.", "--compile")] = False
    render: Annotated[
        Render, option("Who renders --source: cpu (workers), gpu, or auto: a GPU if it can.")
    ] = "auto"
    cache: Annotated[
        Path | None, option("Keep the networks' inputs there, for the next model to read.")
    ] = None
    cache_gigabytes: Annotated[
        float, option("How large --cache may become, in GB.", "--cache-size", min=0.1)
    ] = 100.0
    only: Only = None
    limit: Annotated[
        int | None, option("Only the first so many photographs.", panel=DATA, min=1)
    ] = None
    overwrite: Annotated[
        bool, option("Replace another evaluation's result in --out.", "--overwrite", panel=OUTPUT)
    ] = False


@explains_errors
@spliced
def evaluate(
    *,
    model: Annotated[
        list[str] | None,
        option(
            "Such as timm/vgg16; may be given several times.", panel=MODEL, metavar="SOURCE/NAME"
        ),
    ] = None,
    models: Annotated[
        Path | None,
        option(
            "A model a line, with its options as here; what fails is told at the end.",
            panel=MODEL,
            metavar="FILE",
        ),
    ] = None,
    model_options: ModelOptions,
    data_options: DataOptions,
    run_options: _RunOptions,
    check_pixels: Annotated[
        CheckPixels,
        option(
            "Rows whose pixels are compared with their hash; sample: the first of each shard "
            "and 1 in 20, but all of bare tars, which have no manifest.",
            panel=DATA,
        ),
    ] = "sample",
    out: Annotated[Path, option("Each model gets a folder in it.", panel=OUTPUT)] = Path("results"),
    as_json: Json = False,
) -> None:
    """Evaluate models on every variant of every photograph; the same command resumes."""
    from imagenetq import evaluate as room
    from imagenetq.progress import working

    if bool(model) == (models is not None):
        raise UsageError(
            "name a model by --model, such as timm/vgg16, or a file of them by --models"
        )
    if (models is not None or len(model or ()) > 1) and model_options != ModelOptions():
        raise UsageError(
            "weights, arguments and preprocessing belong to one model; give one, or each its own "
            "on its line of --models"
        )
    with working("loading PyTorch"):
        from imagenetq.evaluate.results.console import print_result

        settings = room.Settings.of(**asdict(run_options) | {"only": names(run_options.only)})
        listed = None if models is None else read_models(models)
        options = model_options.load_options()
    opened = _defaulted(data_options).open(check_pixels, out / ".originals")
    failures = []
    outcomes: Iterator[Result | Failure]
    if listed is None:
        outcomes = _evaluated(model or [], options, opened, out, settings)
    else:
        outcomes = room.evaluate_zoo(listed, opened, out, settings)
    for outcome in outcomes:
        if isinstance(outcome, room.Failure):
            failures.append(outcome)
        elif as_json:
            print(outcome.entry.to_json(), end="")
        else:
            print_result(outcome)
            print(out / room.folder_of(outcome.entry.model))
    for failure in failures:
        note(f"{failure.model}: {failure.reason}")
    if failures:
        end(f"{len(failures)} of {len(listed or [])} models failed; the others are done", FAILED)


def _evaluated(
    models: list[str], options: "LoadOptions", data: "Data", out: Path, settings: "Settings"
) -> "Iterator[Result]":
    """Load and evaluate models that share one pass over the data, and fail together."""
    from imagenetq import evaluate as room
    from imagenetq.progress import working

    loaded = []
    for name in models:
        with working(f"loading {name}"):
            loaded.append(room.load_model(name, options))
    yield from room.evaluate(loaded, data, out, settings)


@explains_errors
@spliced
def models(
    model_options: ModelOptions,
    name: Annotated[str | None, typer.Argument(help="A model, such as timm/vgg16.")] = None,
    as_json: Json = False,
) -> None:
    """List where models come from; or tell what NAME is."""
    from imagenetq.progress import working

    with working("loading PyTorch" if name is None else f"loading {name}"):
        from imagenetq.evaluate.models.describe import describe, sources

        options = model_options.load_options()
        facts: dict[str, Any] = sources() if name is None else describe(name, options)
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    print_facts(
        {key: fact if isinstance(fact, str) else json.dumps(fact) for key, fact in facts.items()}
    )


def _defaulted(given: DataOptions) -> DataOptions:
    """Choose the data if none are named: what `build` makes here, or else the sample."""
    if given.are_given:
        return given
    if _DEFAULT_DATA.is_dir():
        note(f"data: ./{_DEFAULT_DATA}")
        return replace(given, data=str(_DEFAULT_DATA))
    note("data: rendered from the photographs in scikit-image's package, a demonstration")
    return replace(given, source="sample")

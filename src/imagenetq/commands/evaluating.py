"""The commands around evaluating models: eval, models."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from imagenetq.choices import CheckPixels, Precision, Render, Subset
from imagenetq.commands.common import (
    DATA_PANEL,
    MODEL_PANEL,
    OUTPUT_PANEL,
    RUN_PANEL,
    SOURCE_HELP,
    Json,
    Workers,
    explains_errors,
    names,
    note,
)
from imagenetq.commands.opening import open_source
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate import Data
    from imagenetq.evaluate.models import LoadOptions

_DEFAULT_DATA = Path("imagenet-q")

_Model = Annotated[
    list[str],
    typer.Option(
        metavar="SOURCE/NAME",
        help="Such as timm/vgg16; may be given several times.",
        rich_help_panel=MODEL_PANEL,
    ),
]
_Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Safetensors file, a checkpoint of nothing but tensors, or a .caffemodel.",
        rich_help_panel=MODEL_PANEL,
    ),
]
_WeightsKey = Annotated[
    str | None,
    typer.Option(
        help="Of a checkpoint with several networks' weights: state_dict_ema, teacher ..",
        rich_help_panel=MODEL_PANEL,
    ),
]
_ModelArg = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Constructor argument, such as pad_type=same.",
        rich_help_panel=MODEL_PANEL,
    ),
]
_Mean = Annotated[
    str | None,
    typer.Option(help="Of the normalisation: 0.5, or one a channel.", rich_help_panel=MODEL_PANEL),
]
_Std = Annotated[
    str | None,
    typer.Option(help="Of the normalisation: 0.5, or one a channel.", rich_help_panel=MODEL_PANEL),
]
_InputSize = Annotated[
    str | None,
    typer.Option(help="Pixels: 224, or HEIGHT,WIDTH.", rich_help_panel=MODEL_PANEL),
]
_Interpolation = Annotated[
    str | None, typer.Option(help="bilinear, bicubic ..", rich_help_panel=MODEL_PANEL)
]
_ClassMap = Annotated[
    Path | None,
    typer.Option(
        help="JSON list: which of the model's outputs each class is.", rich_help_panel=MODEL_PANEL
    ),
]


@explains_errors
def evaluate(
    model: _Model,
    data: Annotated[
        str | None,
        typer.Option(
            help="A built folder, its URL, hf:ORG/NAME, or tars.", rich_help_panel=DATA_PANEL
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help=f"Render from photographs instead. {SOURCE_HELP}", rich_help_panel=DATA_PANEL
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Distortions and variants, such as blur,jpeg-10.", rich_help_panel=DATA_PANEL
        ),
    ] = None,
    subset: Annotated[
        Subset | None,
        typer.Option(
            help="Of --source: full is 10 photographs a class, mini 1.", rich_help_panel=DATA_PANEL
        ),
    ] = None,
    allow_short: Annotated[
        bool,
        typer.Option(
            "--allow-short",
            help="Of --source: take classes with few photographs.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = False,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad",
            help="Of --source: leave bad photographs out, and record them.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Only the first so many photographs.", rich_help_panel=DATA_PANEL),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(help="Of the arithmetic; only fp32 is ranked.", rich_help_panel=RUN_PANEL),
    ] = "fp32",
    device: Annotated[
        str | None,
        typer.Option(
            help="cuda, cuda:1, cpu ..; a GPU if there is one.", rich_help_panel=RUN_PANEL
        ),
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(
            min=1, help="Images that the networks see at a time.", rich_help_panel=RUN_PANEL
        ),
    ] = 64,
    workers: Workers = None,
    compiled: Annotated[
        bool,
        typer.Option("--compile", help="Compile the networks first.", rich_help_panel=RUN_PANEL),
    ] = False,
    render: Annotated[
        Render,
        typer.Option(
            help="Who renders --source: cpu (workers), gpu, or auto: a GPU if it can.",
            rich_help_panel=RUN_PANEL,
        ),
    ] = "auto",
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Keep the networks' inputs there, for the next model to read.",
            rich_help_panel=RUN_PANEL,
        ),
    ] = None,
    cache_size: Annotated[
        float,
        typer.Option(
            min=0.1, help="How large --cache may become, in GB.", rich_help_panel=RUN_PANEL
        ),
    ] = 100.0,
    check_pixels: Annotated[
        CheckPixels,
        typer.Option(
            help="Rows whose pixels are compared with their hash.", rich_help_panel=DATA_PANEL
        ),
    ] = "sample",
    weights: _Weights = None,
    weights_key: _WeightsKey = None,
    model_arg: _ModelArg = None,
    mean: _Mean = None,
    std: _Std = None,
    input_size: _InputSize = None,
    interpolation: _Interpolation = None,
    class_map: _ClassMap = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace another evaluation's result in --out.",
            rich_help_panel=OUTPUT_PANEL,
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Each model gets a folder in it.", rich_help_panel=OUTPUT_PANEL)
    ] = Path("results"),
    as_json: Json = False,
) -> None:
    """Evaluate models on every variant of every image; the same command resumes."""
    from imagenetq import evaluate as room
    from imagenetq.progress import working

    with working("loading PyTorch"):
        from imagenetq.evaluate.results.console import print_result

        options = load_options(
            weights, weights_key, model_arg, mean, std, input_size, interpolation, class_map
        )
        if len(model) > 1 and options != type(options)():
            raise UsageError("weights, arguments and preprocessing belong to one model; give one")
        settings = room.Settings.of(
            only=names(only),
            limit=limit,
            precision=precision,
            device=device,
            batch_size=batch_size,
            workers=workers,
            compiled=compiled,
            render=render,
            cache=cache,
            cache_gigabytes=cache_size,
            overwrite=overwrite,
        )
    opened = _open(
        data,
        source,
        subset=subset,
        allow_short=allow_short,
        skip_bad=skip_bad,
        check_pixels=check_pixels,
        originals=out / ".originals",
    )
    models = []
    for name in model:
        with working(f"loading {name}"):
            models.append(room.load_model(name, options))
    for result in room.evaluate(models, opened, out, settings):
        folder = out / room.folder_of(result.entry.model)
        if as_json:
            print(result.entry.to_json(), end="")
        else:
            print_result(result)
            print(folder)


@explains_errors
def models(
    name: Annotated[str | None, typer.Argument(help="A model, such as timm/vgg16.")] = None,
    weights: _Weights = None,
    weights_key: _WeightsKey = None,
    model_arg: _ModelArg = None,
    mean: _Mean = None,
    std: _Std = None,
    input_size: _InputSize = None,
    interpolation: _Interpolation = None,
    class_map: _ClassMap = None,
    as_json: Json = False,
) -> None:
    """List where models come from; or tell what NAME is."""
    from imagenetq.progress import working

    with working("loading PyTorch" if name is None else f"loading {name}"):
        from imagenetq.evaluate.models.describe import describe, sources

        options = load_options(
            weights, weights_key, model_arg, mean, std, input_size, interpolation, class_map
        )
        facts: dict[str, Any] = sources() if name is None else describe(name, options)
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        print(f"{key:{width}}  {shown}")


def _open(
    data: str | None,
    source: str | None,
    *,
    subset: Subset | None,
    allow_short: bool,
    skip_bad: bool,
    check_pixels: CheckPixels,
    originals: Path,
) -> "Data":
    if data is None and source is None and _DEFAULT_DATA.is_dir():
        data = str(_DEFAULT_DATA)
        note(f"data: ./{data}")
    if data is None and source is None:
        source = "sample"
        note("data: rendered from the photographs in scikit-image's package, a demonstration")
    return open_given(
        data,
        source,
        subset=subset,
        allow_short=allow_short,
        skip_bad=skip_bad,
        check_pixels=check_pixels,
        originals=originals,
    )


def open_given(
    data: str | None,
    source: str | None,
    *,
    subset: Subset | None,
    allow_short: bool,
    skip_bad: bool,
    check_pixels: CheckPixels,
    originals: Path,
) -> "Data":
    """The data of one of two options: `--data` names stored images, `--source` clean ones.

    Raises:
        UsageError: both are given, or neither.
    """
    from imagenetq.evaluate import CleanSource, open_data
    from imagenetq.progress import working

    if (data is None) == (source is None):
        raise UsageError("give --data or --source, not both")
    if data is not None:
        with working(f"opening {data}"):
            return open_data(data, check_pixels=check_pixels)
    opened = open_source(cast("str", source))
    return CleanSource(
        opened, originals=originals, subset=subset, allow_short=allow_short, skip_bad=skip_bad
    )


def load_options(
    weights: str | None,
    weights_key: str | None,
    model_arg: list[str] | None,
    mean: str | None,
    std: str | None,
    input_size: str | None,
    interpolation: str | None,
    class_map: Path | None,
) -> "LoadOptions":
    """How to load a model, from the options of that name on the command line."""
    from imagenetq.evaluate.models import LoadOptions

    given = {
        "mean": _numbers("--mean", mean),
        "std": _numbers("--std", std),
        "input_size": _numbers("--input-size", input_size),
        "interpolation": interpolation,
    }
    return LoadOptions(
        weights=weights,
        weights_key=weights_key,
        arguments=dict(_argument(text) for text in model_arg or []),
        preprocessing={name: value for name, value in given.items() if value is not None},
        class_map=None if class_map is None else _class_map(class_map),
    )


def _argument(text: str) -> tuple[str, Any]:
    """NAME and value of NAME=VALUE; the value as JSON where it is that, else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--model-arg {text}: give NAME=VALUE, such as pad_type=same")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _numbers(option: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        values = [json.loads(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text}: give numbers, separated by commas") from None
    return values[0] if len(values) == 1 else tuple(values)


def _class_map(path: Path) -> tuple[int, ...]:
    try:
        outputs = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        outputs = None
    if not isinstance(outputs, list) or not all(type(output) is int for output in outputs):
        raise UsageError(f"{path}: not a JSON list of output numbers; give 1,000, by class")
    return tuple(outputs)

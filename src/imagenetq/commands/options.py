"""Define options that belong together, as data classes that several commands take."""

import inspect
import json
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    ParamSpec,
    cast,
    get_args,
    get_type_hints,
)

from imagenetq.choices import CheckPixels, Interpolation
from imagenetq.commands.common import (
    DATA,
    MODEL,
    SOURCE_HELP,
    AllowShort,
    SkipBad,
    SubsetOption,
    option,
)
from imagenetq.commands.opening import open_source
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate import Data
    from imagenetq.evaluate.models import LoadOptions

_Parameters = ParamSpec("_Parameters")


def spliced(command: Callable[_Parameters, None]) -> Callable[..., None]:
    """Turn each data class among a command's parameters into one option a field.

    An option that names no help panel goes into its class's `PANEL`.
    """
    given = inspect.signature(command)
    groups: dict[str, type[Any]] = {
        name: parameter.annotation
        for name, parameter in given.parameters.items()
        if isinstance(parameter.annotation, type) and is_dataclass(parameter.annotation)
    }

    @wraps(command)
    def taking_options(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)  # type: ignore[call-arg]

    parameters: list[inspect.Parameter] = []
    for name, parameter in given.parameters.items():
        if name in groups:
            parameters.extend(_options(groups[name]))
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    taking_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking_options.__annotations__ = {}
    return taking_options


def _options(group: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        kind, declared = get_args(hints[field.name])
        declared = copy(declared)
        declared.rich_help_panel = declared.rich_help_panel or group.PANEL
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=Annotated[kind, declared],
        )


@dataclass(frozen=True)
class ModelOptions:
    """The options for loading one model."""

    PANEL: ClassVar[str] = MODEL

    weights: Annotated[
        str | None,
        option(
            "Safetensors file, a checkpoint of nothing but tensors, or a .caffemodel.",
            metavar="FILE",
        ),
    ] = None
    weights_key: Annotated[
        str | None,
        option("Of a checkpoint with several networks' weights: state_dict_ema, teacher .."),
    ] = None
    model_arg: Annotated[
        list[str] | None,
        option("Constructor argument, such as pad_type=same.", metavar="NAME=VALUE"),
    ] = None
    mean: Annotated[str | None, option("Of the normalisation: 0.5, or one a channel.")] = None
    std: Annotated[str | None, option("Of the normalisation: 0.5, or one a channel.")] = None
    input_size: Annotated[str | None, option("Pixels: 224, or HEIGHT,WIDTH.")] = None
    interpolation: Annotated[
        Interpolation | None,
        # All six in the column of types would leave no room for any help.
        option(f"One of {', '.join(get_args(Interpolation))}.", metavar="FILTER"),
    ] = None
    class_map: Annotated[
        Path | None, option("JSON list: which of the model's outputs each class is.")
    ] = None

    def load_options(self) -> "LoadOptions":
        """Convert the options to what the library takes."""
        from imagenetq.evaluate.models import LoadOptions

        given = {
            "mean": _numbers("--mean", self.mean),
            "std": _numbers("--std", self.std),
            "input_size": _numbers("--input-size", self.input_size),
            "interpolation": self.interpolation,
        }
        return LoadOptions(
            weights=self.weights,
            weights_key=self.weights_key,
            arguments=dict(_argument(text) for text in self.model_arg or []),
            preprocessing={name: value for name, value in given.items() if value is not None},
            class_map=None if self.class_map is None else _class_map(self.class_map),
        )


@dataclass(frozen=True)
class DataOptions:
    """The options that name stored images, or photographs to render them from."""

    PANEL: ClassVar[str] = DATA

    data: Annotated[str | None, option("A built folder, its URL, hf:ORG/NAME, or tars.")] = None
    source: Annotated[str | None, option(f"Render from photographs instead. {SOURCE_HELP}")] = None
    subset: SubsetOption = None
    allow_short: AllowShort = False
    skip_bad: SkipBad = False

    @property
    def are_given(self) -> bool:
        """Whether stored images or photographs are named."""
        return self.data is not None or self.source is not None

    def open(self, check_pixels: CheckPixels, originals: Path) -> "Data":
        """Open the data that were named; a remote source's photographs are kept in `originals`."""
        from imagenetq.evaluate import CleanSource, open_data
        from imagenetq.progress import working

        if (self.data is None) == (self.source is None):
            raise UsageError("give --data or --source, not both")
        if self.data is not None:
            with working(f"opening {self.data}"):
                return open_data(self.data, check_pixels=check_pixels)
        return CleanSource(
            open_source(cast("str", self.source)),
            originals=originals,
            subset=self.subset,
            allow_short=self.allow_short,
            skip_bad=self.skip_bad,
        )


def _argument(text: str) -> tuple[str, Any]:
    """Split NAME=VALUE; the value is JSON where it is that, else text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--model-arg {text}: give NAME=VALUE, such as pad_type=same")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _numbers(flag: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        values = [json.loads(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{flag} {text}: give numbers, separated by commas") from None
    return values[0] if len(values) == 1 else tuple(values)


def _class_map(path: Path) -> tuple[int, ...]:
    try:
        outputs = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        outputs = None
    if not isinstance(outputs, list) or not all(type(output) is int for output in outputs):
        raise UsageError(f"{path}: not a JSON list of output numbers; give 1,000, by class")
    return tuple(outputs)

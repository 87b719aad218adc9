"""Evaluate many models, some of which may fail; models of one preprocessing share a pass."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagenetq.errors import (
    BadImage,
    FolderError,
    ImagenetqError,
    PlatformError,
    SourceError,
    UsageError,
    WorkerError,
)
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.evaluation.run import evaluate, folder_of, wanted_variants
from imagenetq.evaluate.evaluation.settings import Settings
from imagenetq.evaluate.models import LoadOptions, Model, load_model
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing
from imagenetq.evaluate.results.result import Result
from imagenetq.progress import say, working

_MODELS_A_PASS = 8
_PARAMETERS_A_PASS = 1_000_000_000
"""Most parameters of all models that share a pass, and of all that are kept for later passes: 4 GB
of weights in float32."""

_FATAL = (BadImage, FolderError, SourceError, WorkerError, PlatformError, UsageError, OSError)
"""Errors that would meet every other model, too."""


@dataclass(frozen=True)
class Listed:
    """A model that is to be evaluated."""

    name: str
    """Name of the model, such as `timm/vgg16`."""

    options: LoadOptions = field(default_factory=LoadOptions)
    """How the model is loaded."""

    place: str = ""
    """Where the model was listed, for messages; empty if its name says enough."""

    def __str__(self) -> str:
        """Name the model, and where it was listed."""
        return f"{self.place}: {self.name}" if self.place else self.name


@dataclass(frozen=True)
class Failure:
    """A model that could not be evaluated."""

    model: Listed
    """The model as it was listed."""

    reason: str
    """Why the model could not be evaluated, in one line."""


@dataclass
class _Known:
    """A model that can be loaded, and what decides which others share its pass."""

    listed: Listed
    preprocessing: AnyPreprocessing
    parameters: int
    kept: Model | None = None

    def take(self) -> Model:
        """Hand over the model that was kept, and no longer hold it; without one, load it anew."""
        model, self.kept = self.kept, None
        if model is None:
            with working(f"loading {self.listed.name}"):
                model = load_model(self.listed.name, self.listed.options)
        return model


def evaluate_zoo(
    models: Sequence[Listed], data: Data, out: Path, settings: Settings | None = None
) -> Iterator[Result | Failure]:
    """Evaluate many models, or go on with what was interrupted.

    All are loaded first, so that one that cannot be loaded is known before the long run. The first
    4 GB of weights are kept for it; other models are loaded again. A model that fails keeps no
    other from its result.

    Args:
        models: each gets a folder in `out`, as `folder_of` names it.
        data: what to evaluate on.
        out: folder of results.
        settings: as for `evaluate`.

    Yields:
        A result or a failure for each model, as they come.

    Raises:
        UsageError: there are several processes, or `settings` names no variant.
        ImagenetqError: the data cannot be read, or a variant is not among them.
        OSError: storage failed for good.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "a list of models is evaluated by one process; share the list out among GPUs with "
            "CUDA_VISIBLE_DEVICES, or name a few models by --model"
        )
    chosen = settings or Settings()
    wanted_variants(data, chosen.only)
    known: list[_Known] = []
    folders: dict[str, Listed] = {}
    n_kept = 0
    for number, listed in enumerate(models, 1):
        with working(f"looking at {listed.name}, {number} of {len(models)}"):
            looked = _look_at(listed, folders)
        if isinstance(looked, Failure):
            say(f"{looked.model} fails: {looked.reason}")
            yield looked
            continue
        if n_kept + looked.parameters <= _PARAMETERS_A_PASS:
            n_kept += looked.parameters
        else:
            looked.kept = None
        known.append(looked)
    for group in _groups(known):
        yield from _evaluated(group, data, out, chosen)


def _look_at(listed: Listed, folders: dict[str, Listed]) -> _Known | Failure:
    try:
        model = load_model(listed.name, listed.options)
    except Exception as error:  # A model's own code may raise anything.
        return Failure(listed, _reason(error))
    first = folders.setdefault(folder_of(model), listed)
    if first is not listed:
        return Failure(
            listed,
            f"its result has the same folder, {folder_of(model)}, as that of {first}; evaluate it "
            "into another --out",
        )
    return _Known(listed, model.preprocessing, model.parameters, model)


def _groups(known: Sequence[_Known]) -> Iterator[list[_Known]]:
    """Group models that share a pass: of equal preprocessing, and not too many for the memory."""
    for preprocessing in dict.fromkeys(member.preprocessing for member in known):
        group: list[_Known] = []
        for member in known:
            if member.preprocessing != preprocessing:
                continue
            parameters = sum(one.parameters for one in [*group, member])
            is_full = len(group) == _MODELS_A_PASS or parameters > _PARAMETERS_A_PASS
            # A pass knows its models by their names.
            if group and (is_full or member.listed.name in {one.listed.name for one in group}):
                yield group
                group = []
            group.append(member)
        yield group


def _evaluated(
    group: Sequence[_Known], data: Data, out: Path, settings: Settings
) -> Iterator[Result | Failure]:
    """Evaluate a group in one pass; if one of several models fails, each is evaluated by itself."""
    try:
        results = evaluate([member.take() for member in group], data, out, settings)
    except _FATAL:
        raise
    except Exception as error:  # A model's own code may raise anything.
        reason = _reason(error)
    else:
        yield from results
        return
    if len(group) == 1:
        say(f"{group[0].listed} fails: {reason}")
        yield Failure(group[0].listed, reason)
        return
    say(f"{reason}; the {len(group)} models of this pass are evaluated one by one")
    for member in group:
        yield from _evaluated([member], data, out, settings)


def _reason(error: Exception) -> str:
    kind = "" if isinstance(error, ImagenetqError | OSError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())

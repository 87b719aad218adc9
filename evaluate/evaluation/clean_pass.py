"""Fit models on clean images, tell what they give out, and check them, before the long run."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from imagenetq.entry import CleanCheck
from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.evaluation.predict import different_preprocessings
from imagenetq.evaluate.evaluation.sanity_checks import (
    clean_accuracy_warning,
    clean_check,
    suspicious_normalisation,
    suspicious_padding,
)
from imagenetq.evaluate.inputs.batch import concatenated
from imagenetq.evaluate.inputs.pipeline import Feeding
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.outputs import settle, suspicious_outputs
from imagenetq.evaluate.models.plain import foreign_arguments
from imagenetq.evaluate.models.preprocessing import normalise
from imagenetq.progress import meter, working
from imagenetq.specification import variant
from imagenetq.words import counted

_CHECKED = 512
"""Number of clean images that the check looks at: enough to see most mistakes, yet quick."""

_SETTLED_BY = 8
"""Number of clean images that tell logits from probabilities; one would do for most networks."""


def clean_inputs(
    models: Sequence[Model], data: Data, limit: int | None, feeding: Feeding
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Read clean images once, as each model sees them.

    Args:
        models: those of equal preprocessing share a tensor.
        data: must hold the clean variant.
        limit: number of images, from the first; all if None.
        feeding: how the images are read.

    Returns:
        One tensor for each model, as in `Batch.inputs`, and the labels, int64 of shape (n,). Both
        are in the data's order, whichever worker was quicker.
    """
    clean = variant("clean")
    if clean not in data.variants:
        raise EvaluationError("the data hold no clean images, which relative scores need")
    preprocessings = different_preprocessings(models)
    columns: list[list[torch.Tensor]] = [[] for _ in preprocessings]
    labels: list[int] = []
    tasks = data.tasks([clean], limit)
    places = {task.key: place for place, task in enumerate(tasks)}
    came: list[int] = []
    total = sum(task.n_samples or 0 for task in tasks)
    with (
        meter("looking at clean images", total) as progress,
        feeding.on_workers().batches(tasks, preprocessings) as stream,
    ):
        for batch in stream:
            progress.advance(len(batch.notes))
            labels += [note.label for note in batch.notes]
            came += [places[note.task] for note in batch.notes]
            for column, inputs in zip(columns, batch.inputs, strict=False):
                # Each tensor that a worker sent keeps a file open.
                column.append(inputs.clone())
    order = torch.argsort(torch.tensor(came), stable=True)
    read = [concatenated(column)[order] for column in columns]
    chosen = [read[preprocessings.index(model.preprocessing)] for model in models]
    return chosen, torch.tensor(labels)[order]


def fit(model: Model, data: Data, limit: int | None, feeding: Feeding) -> None:
    """Fit a model to the clean images, if it needs that."""
    if model.needs_fit is None:
        return
    (inputs,), labels = clean_inputs([model], data, limit, feeding)
    model.needs_fit(normalise(inputs, model.preprocessing), labels)


def settled(models: Sequence[Model], data: Data, feeding: Feeding) -> list[Model]:
    """Find out from a few clean images what each model gives, where that is not known yet.

    Every process of a group reads the same images, and so decides the same.

    Returns:
        The models in their order; those that were tried are on the device.
    """
    open_ones = [model for model in models if model.outputs is None]
    if not open_ones:
        return list(models)
    here = Feeding(feeding.device, feeding.batch_size, workers=0)
    all_inputs, _ = clean_inputs(open_ones, data, _SETTLED_BY, here)
    known = {}
    for model, inputs in zip(open_ones, all_inputs, strict=True):
        model.module.to(feeding.device)
        known[model.name] = settle(model, normalise(inputs.to(feeding.device), model.preprocessing))
    return [known.get(model.name, model) for model in models]


class Seen(NamedTuple):
    """The outcome of a look at clean images, for one model."""

    warnings: tuple[str, ...] = ()
    """Warnings, one line each, such as of wrong preprocessing, padding, class order or weights."""

    check: CleanCheck | None = None
    """How small a loss of accuracy the look could have shown; None if there was no look."""


def look_at_clean(
    models: Sequence[Model], data: Data, limit: int | None, feeding: Feeding
) -> list[Seen]:
    """Look for mistakes in how models are set up, on a few hundred clean images.

    A model that reaches its published accuracy is believed; only others are compared with
    themselves under the usual alternatives.
    """
    # Answers to the very images that a model was fitted to would show no mistake.
    checked = [model for model in models if model.needs_fit is None]
    if not checked:
        return [Seen() for _ in models]
    n_images = min(limit or _CHECKED, _CHECKED)
    all_inputs, labels = clean_inputs(checked, data, n_images, feeding)
    found = {
        model.name: Seen(
            _warnings(model, inputs, labels, feeding.device, feeding.batch_size),
            clean_check(model, len(labels)),
        )
        for model, inputs in zip(checked, all_inputs, strict=True)
    }
    return [found.get(model.name, Seen()) for model in models]


def _warnings(
    model: Model,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    device: torch.device,
    batch_size: int,
) -> tuple[str, ...]:
    with working(f"trying {model.name} on {counted(len(labels), 'clean image')}"):
        model.module.to(device)
        n_correct = _n_correct(model, inputs, labels, device, batch_size)
        low = clean_accuracy_warning(model, n_correct, len(labels))
        found = [_not_run_again(model), suspicious_outputs(model), low]
        if low is not None or model.published_top1 is None:
            found += [
                suspicious_normalisation(model, inputs, labels, batch_size),
                suspicious_padding(model, inputs, labels, batch_size),
            ]
    return tuple(warning for warning in found if warning is not None)


def _not_run_again(model: Model) -> str | None:
    foreign = foreign_arguments(model.name, model.arguments)
    if not foreign:
        return None
    return (
        f"{model.name}: the leaderboard will not run it again, since its argument {foreign[0]!a} "
        "is no plain value of an architecture's parameter"
    )


def _n_correct(
    model: Model,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    device: torch.device,
    batch_size: int,
) -> int:
    n_correct = 0
    with torch.inference_mode():
        for images, truth in zip(
            torch.split(inputs, batch_size), torch.split(labels, batch_size), strict=True
        ):
            logits = model.module(normalise(images.to(device), model.preprocessing))
            n_correct += int((logits.argmax(dim=1).cpu() == truth).sum())
    return n_correct

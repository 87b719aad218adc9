"""Fit models on clean images, tell what they give out, and check them, before the long run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from imagenetq.entry import CleanCheck
from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.evaluation.predict import different_preprocessings
from imagenetq.evaluate.evaluation.sanity_checks import (
    clean_accuracy_warning,
    clean_check,
    right,
    suspicious_normalisation,
    suspicious_padding,
)
from imagenetq.evaluate.inputs.batch import concatenated
from imagenetq.evaluate.inputs.pipeline import InputPipeline
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
    models: Sequence[Model], data: Data, limit: int | None, pipeline: InputPipeline
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Read the first clean images once, by the workers, as each model sees them.

    There is a tensor for each model, as in `Batch.inputs`, which models of equal preprocessing
    share; and the labels, int64 of shape (n,). Both are in the data's order, whichever worker was
    quicker.
    """
    clean = variant("clean")
    if clean not in data.variants:
        raise EvaluationError("the data hold no clean images, which relative scores need")
    preprocessings = different_preprocessings(models)
    columns: list[list[torch.Tensor]] = [[] for _ in preprocessings]
    labels: list[int] = []
    tasks = data.tasks([clean], limit)
    order_of = {task.key: index for index, task in enumerate(tasks)}
    came: list[int] = []
    total = sum(task.n_samples or 0 for task in tasks)
    with (
        meter("looking at clean images", total) as progress,
        replace(pipeline, engine=None).batches(tasks, preprocessings) as stream,
    ):
        for batch in stream:
            progress.advance(len(batch.infos))
            labels += [info.label for info in batch.infos]
            came += [order_of[info.task] for info in batch.infos]
            for column, inputs in zip(columns, batch.inputs, strict=False):
                # Each tensor that a worker sent keeps a file open.
                column.append(inputs.clone())
    order = torch.argsort(torch.tensor(came), stable=True)
    read = [concatenated(column)[order] for column in columns]
    chosen = [read[preprocessings.index(model.preprocessing)] for model in models]
    return chosen, torch.tensor(labels)[order]


def fit(model: Model, data: Data, limit: int | None, pipeline: InputPipeline) -> None:
    """Fit a model to the clean images, if it needs that."""
    if model.needs_fit is None:
        return
    (inputs,), labels = clean_inputs([model], data, limit, pipeline)
    model.needs_fit(normalise(inputs, model.preprocessing), labels)


class Seen(NamedTuple):
    """The outcome of a look at clean images, for one model."""

    warnings: tuple[str, ...] = ()
    """Warnings, one line each, such as of wrong preprocessing, padding, class order or weights."""

    check: CleanCheck | None = None
    """How small a loss of accuracy the look could have shown; None if there was no look."""


def look_at_clean(
    models: Sequence[Model],
    data: Data,
    limit: int | None,
    pipeline: InputPipeline,
    *,
    is_checked: bool = True,
) -> tuple[list[Model], list[Seen]]:
    """Look at clean images: find out what models give, and whether they are set up wrongly.

    What a model gives is decided by the first few images, where it is not known yet. All processes
    that evaluate together see the same ones, and so decide the same; only one needs to check.

    A model that reaches its published accuracy is believed; only others are compared with
    themselves under the usual alternatives. Models that were tried come back on the device.
    """
    # Answers to the very images that a model was fitted to would show no mistake.
    checked = {model.name for model in models if is_checked and model.needs_fit is None}
    tried = [model for model in models if model.outputs is None or model.name in checked]
    if not tried:
        return list(models), [Seen() for _ in models]
    if not checked:
        pipeline = InputPipeline(pipeline.device, pipeline.batch_size, workers=0)
    n_most = _CHECKED if checked else _SETTLED_BY
    all_inputs, labels = clean_inputs(tried, data, min(limit or n_most, n_most), pipeline)
    inputs_of = {model.name: inputs for model, inputs in zip(tried, all_inputs, strict=True)}
    settled, looks = [], []
    for model in models:
        known, seen = model, Seen()
        if model.name in inputs_of:
            model.module.to(pipeline.device)
        if model.outputs is None:
            few = inputs_of[model.name][:_SETTLED_BY].to(pipeline.device)
            known = settle(model, normalise(few, model.preprocessing))
        if model.name in checked:
            warnings = _warnings(known, inputs_of[model.name], labels, pipeline.batch_size)
            seen = Seen(warnings, clean_check(known, len(labels)))
        settled.append(known)
        looks.append(seen)
    return settled, looks


def _warnings(
    model: Model, inputs: torch.Tensor, labels: torch.Tensor, batch_size: int
) -> tuple[str, ...]:
    with working(f"trying {model.name} on {counted(len(labels), 'clean image')}"):
        n_correct = int(right(model, model.preprocessing, inputs, labels, batch_size).sum())
        low = clean_accuracy_warning(model, n_correct, len(labels))
        warnings = [suspicious_outputs(model), low]
        if foreign := foreign_arguments(model.name, model.arguments):
            not_run_again = (
                f"{model.name}: the leaderboard will not run it again, since its argument "
                f"{foreign[0]!a} is no plain value of an architecture's parameter"
            )
            warnings.insert(0, not_run_again)
        if low is not None or model.published_top1 is None:
            warnings += [
                suspicious_normalisation(model, inputs, labels, batch_size),
                suspicious_padding(model, inputs, labels, batch_size),
            ]
    return tuple(warning for warning in warnings if warning is not None)

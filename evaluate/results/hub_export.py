"""A model's result as the Hugging Face Hub shows it: `.eval_results/imagenet-q.yaml`.

The Hub reads such files from model repositories, and collects them on the page of a dataset that
it knows as a benchmark (https://huggingface.co/docs/hub/eval-results). The file is made by
huggingface_hub's own classes. Values are percentages of correct answers.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from imagenetq.errors import EntryError, UsageError
from imagenetq.evaluate.results.result import Result
from imagenetq.files import write_whole
from imagenetq.hub import HubAddress
from imagenetq.selection import SAMPLE
from imagenetq.specification import CLEAN, LADDERS

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

RESULTS_NAME = "imagenet-q.yaml"

SCORE_TASK = "imagenet_q_score"
"""The task of the ImageNet-Q score; the others are `clean` and the five distortions."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SOURCE = "ImageNet-Q entry"


def write_hub_results(
    result: Result, dataset: str, out: Path | str, *, source: str | None = None
) -> Path:
    """Write a result for a model's repository on the Hub.

    Args:
        result: of the model.
        dataset: the repository of the dataset it was evaluated on, `ORG/NAME`, or with its commit
            `ORG/NAME@COMMIT`.
        out: a folder, such as a checkout of the model's repository.
        source: a page that shows where the numbers come from, such as a leaderboard's.

    Returns:
        The file.

    Raises:
        UsageError: no such address, or the result is of the embedded sample.
        EntryError: the entry contradicts its predictions, or has no score to show.
        OSError: the folder cannot be written.
    """
    try:
        from huggingface_hub import constants, eval_result_entries_to_yaml
    except ImportError:
        raise UsageError(
            "this needs a newer huggingface_hub; pip install --upgrade huggingface_hub"
        ) from None
    entries = eval_result_entries_to_yaml(hub_results(result, dataset, source=source))
    path = Path(out) / constants.EVAL_RESULTS_FOLDER / RESULTS_NAME
    write_whole(path, yaml.safe_dump(entries, sort_keys=False, allow_unicode=True).encode())
    return path


def hub_results(
    result: Result, dataset: str, *, source: str | None = None
) -> list["EvalResultEntry"]:
    """The same as huggingface_hub's objects: the score, clean accuracy, and each distortion's mean.

    What was not evaluated is left out.
    """
    from huggingface_hub import EvalResultEntry

    address = HubAddress.parse(dataset, example="ORG/imagenet-q")
    if address.revision is not None and not _COMMIT.fullmatch(address.revision):
        raise UsageError(f"{dataset}: after @ give the dataset's commit, 40 hexadecimal digits")
    entry = result.entry
    if entry.subset == SAMPLE:
        raise UsageError(
            f"{entry.model.name} was evaluated on the embedded sample, a demonstration, which no "
            "benchmark counts; evaluate on a dataset built from ImageNet"
        )
    problems = result.contradictions()
    if problems:
        raise EntryError(f"{entry.model.name}: {problems[0]}; evaluate again")
    values = _values(result)
    if not values:
        raise EntryError(
            f"{entry.model.name}: neither clean images nor a whole distortion was evaluated"
        )
    notes = (
        f"top-1 accuracy in percent; version {entry.dataset_version}, subset "
        f"{entry.subset or 'unknown'}, {entry.n_images} photographs, {entry.precision}; "
        f"evaluated as {entry.model.name}; predictions {entry.predictions_sha256}"
    )
    return [
        EvalResultEntry(
            dataset_id=address.repository,
            task_id=task,
            value=round(100 * value, 2),
            dataset_revision=address.revision,
            source_url=source,
            source_name=None if source is None else _SOURCE,
            notes=notes,
        )
        for task, value in values.items()
    ]


def _values(result: Result) -> dict[str, float]:
    scores = result.scores
    values = {} if scores.score is None else {SCORE_TASK: scores.score.value}
    if CLEAN in scores.variants:
        values[CLEAN] = scores.variants[CLEAN].top1.value
    means = {ladder.distortion: scores.distortions[ladder.distortion].mean for ladder in LADDERS}
    return values | {name: mean.value for name, mean in means.items() if mean is not None}

"""Write a model's result for the Hugging Face Hub: `.eval_results/imagenet-q.yaml`.

The Hub reads such files from model repositories, and collects them on the page of a dataset that
it knows as a benchmark (https://huggingface.co/docs/hub/eval-results). The file is made by
huggingface_hub's own classes. Values are percentages of correct answers.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from imagenetq.benchmark import SCORE_TASK
from imagenetq.errors import EntryError, FolderError, UsageError
from imagenetq.evaluate.results.result import Result
from imagenetq.files import naming, read_bounded, write_whole
from imagenetq.hub import HubAddress
from imagenetq.selection import SAMPLE
from imagenetq.specification import CLEAN, LADDERS

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

RESULTS_NAME = "imagenet-q.yaml"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SOURCE = "ImageNet-Q entry"
_MAX_BYTES = 2**20
_OF_RESULT = re.compile(r"; evaluated as (.+); predictions ([0-9a-f]{64})")
"""The part of each note in a written file that names the result; `hub_results` writes it."""


def write_hub_results(
    result: Result,
    dataset: str,
    out: Path | str,
    *,
    source: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a result for a model's repository on the Hub; give the file's path.

    The dataset is the repository that it was evaluated on, `ORG/NAME` or `ORG/NAME@COMMIT`; `out` a
    folder, such as a checkout of the model's repository; the source the address of a page that
    shows where the numbers come from. Another result's file is replaced only if `overwrite` says
    so.
    """
    try:
        from huggingface_hub import constants, eval_result_entries_to_yaml
    except ImportError:
        raise UsageError(
            "this needs a newer huggingface_hub; pip install --upgrade huggingface_hub"
        ) from None
    entries = eval_result_entries_to_yaml(hub_results(result, dataset, source=source))
    path = Path(out) / constants.EVAL_RESULTS_FOLDER / RESULTS_NAME
    if path.exists() and not overwrite:
        _require_same(path, result)
    write_whole(path, yaml.safe_dump(entries, sort_keys=False, allow_unicode=True).encode())
    return path


def _require_same(path: Path, result: Result) -> None:
    """Refuse to replace a file that does not hold the result of the same predictions."""
    with naming(path):
        content = read_bounded(path, _MAX_BYTES)
    try:
        notes = [str(entry["notes"]) for entry in yaml.safe_load(content)]
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError):
        notes = []
    origins = {match.groups() if (match := _OF_RESULT.search(note)) else None for note in notes}
    if {origin and origin[1] for origin in origins} == {result.entry.predictions_sha256}:
        return
    content_words = "what eval-results did not write"
    if len(origins) == 1 and (origin := origins.pop()):
        content_words = f"the result of {origin[0][:80]!a}, predictions {origin[1][:12]}"
    raise FolderError(
        f"{path} holds {content_words}; this is of {result.entry.model.name!a}, predictions "
        f"{result.entry.predictions_sha256[:12]}; give another --out, or --overwrite to replace it"
    )


def hub_results(
    result: Result, dataset: str, *, source: str | None = None
) -> list["EvalResultEntry"]:
    """Give the score, clean accuracy and each distortion's mean as huggingface_hub's objects.

    What was not evaluated is left out. The arguments are as for `write_hub_results`.
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

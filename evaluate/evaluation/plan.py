"""Record what an evaluation was begun with, since a resumed one must be the same."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from imagenetq.entry import Entry, EntryModel
from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import Identity, Task
from imagenetq.evaluate.evaluation.finished_tasks import remove_parts
from imagenetq.files import remove_temporary_files, write_whole
from imagenetq.manifest import Model as Record
from imagenetq.manifest import read_model

_PLAN_NAME = "plan.json"


class EvaluationPlan(Record):
    """All that decides an evaluation's predictions, by the names that an entry has for it."""

    model: str
    weights_sha256: str | None
    weights_key: str | None = None
    arguments: dict[str, Any]
    class_map: tuple[int, ...] | None = None
    preprocessing: dict[str, Any]
    precision: str
    dataset_version: str
    specification_digest: str

    source_digest: str | None
    """Digest of the clean photographs; None where it is not known beforehand."""

    subset: str | None

    variants: tuple[str, ...]
    """Names of the evaluated variants, in ladder order."""

    limit: int | None
    """Most photographs to evaluate; None for all."""


def make_plan(
    model: EntryModel,
    data: Identity | Entry,
    variants: tuple[str, ...],
    precision: str,
    limit: int | None,
) -> EvaluationPlan:
    """Plan the evaluation of one model, or tell from an entry what its plan was."""
    return EvaluationPlan(
        model=model.name,
        weights_sha256=model.weights_sha256,
        weights_key=model.weights_key,
        arguments=model.arguments,
        class_map=model.class_map,
        preprocessing=model.preprocessing,
        precision=precision,
        dataset_version=data.dataset_version,
        specification_digest=data.specification_digest,
        source_digest=data.source_digest,
        subset=data.subset,
        variants=variants,
        limit=limit,
    )


def stamps(plan: EvaluationPlan, tasks: Sequence[Task]) -> Callable[[str], bytes]:
    """Make a function from a task's key to a digest of all that decides its answers.

    That is the plan, and the task's images.
    """
    own = json.dumps(plan.model_dump(mode="json"), sort_keys=True)
    by_key = {task.key: task for task in tasks}

    @cache
    def stamp(key: str) -> bytes:
        return sha256(f"{own}\t{key}\t{by_key[key].fingerprint()}".encode()).digest()

    return stamp


def differences(before: EvaluationPlan, now: EvaluationPlan) -> str:
    """Say in one line what differs; empty if nothing does."""
    # A tuple and a list are equal only as JSON.
    then, since = before.model_dump(mode="json"), now.model_dump(mode="json")
    return "; ".join(
        difference(name, then[name], value) for name, value in since.items() if then[name] != value
    )


def difference(name: str, before: Any, now: Any) -> str:
    """Say what a field was, and what it is now."""
    noun = "number of photographs" if name == "limit" else name.replace("_", " ")
    return f"{noun} was {_shown(before, now)}, now {_shown(now, before)}"


def _shown(value: Any, other: Any) -> str:
    """Show a value, or only what another does not have of it."""
    if isinstance(value, dict) and isinstance(other, dict):
        keys = [key for key, one in value.items() if key not in other or other[key] != one]
        return ", ".join(f"{key} {str(value[key])[:80]}" for key in keys) or "without"
    if isinstance(value, list) and isinstance(other, list) and len(value) + len(other) > 6:
        added = [str(item) for item in value if item not in other]
        return f"{len(value)} of them" + (f", also {', '.join(added[:4])}" if added else "")
    return "none" if value is None else str(value)[:80]


def forget(folder: Path, plan: EvaluationPlan) -> None:
    """Remove what a finished evaluation left of its parts, but not what another has begun."""
    path = folder / _PLAN_NAME
    with suppress(EvaluationError):  # With a damaged plan nobody can go on.
        if path.is_file() and read_model(EvaluationPlan, path, EvaluationError) != plan:
            return
    remove_parts(folder)


def begin(folder: Path, plan: EvaluationPlan, *, overwrite: bool = False) -> None:
    """Record the plan, or demand that the folder was begun with the same one.

    It also removes what killed processes left there, so one process of several calls it before any
    of them writes; and if it may overwrite, all that another evaluation has finished there.
    """
    path = folder / _PLAN_NAME
    if path.is_file() and not overwrite:
        try:
            begun = read_model(EvaluationPlan, path, EvaluationError)
        except EvaluationError as reason:
            raise EvaluationError(
                f"{reason}; give another --out, or --overwrite to drop what is finished there"
            ) from None
        if differing := differences(begun, plan):
            raise EvaluationError(
                f"{folder} holds an unfinished evaluation with other settings ({differing}); give "
                "another --out, or --overwrite to drop it"
            )
    elif not path.is_file() or path.read_text() != plan.model_dump_json():
        remove_parts(folder)
    write_whole(path, plan.model_dump_json().encode())
    remove_temporary_files(folder)

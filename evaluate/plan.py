"""What an evaluation was begun with: a resumed one must be the same."""

from pathlib import Path
from typing import Any

from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data.base import Identity
from imagenetq.evaluate.models.base import Model
from imagenetq.files import remove_temporary_files, write_whole
from imagenetq.manifest import Model as Record
from imagenetq.manifest import read_model

_PLAN_NAME = "plan.json"


class EvaluationPlan(Record):
    """All that decides the predictions.

    Attributes:
        model: its name.
        weights_sha256: of its weights.
        weights_key: which of those that their file holds.
        arguments: of its constructor.
        preprocessing: as recorded in the entry.
        precision: of the arithmetic.
        dataset_version: of the data.
        specification_digest: of the data.
        source_digest: of the data, where it is known beforehand.
        subset: of the data.
        variants: evaluated, in ladder order.
        limit: on the number of images.
    """

    model: str
    weights_sha256: str | None
    weights_key: str | None = None
    arguments: dict[str, Any]
    preprocessing: dict[str, Any]
    precision: str
    dataset_version: str
    specification_digest: str
    source_digest: str | None
    subset: str | None
    variants: tuple[str, ...]
    limit: int | None


def make_plan(
    model: Model, identity: Identity, variants: tuple[str, ...], precision: str, limit: int | None
) -> EvaluationPlan:
    """The plan of evaluating one model."""
    return EvaluationPlan(
        model=model.name,
        weights_sha256=model.weights_sha256,
        weights_key=model.weights_key,
        arguments=model.arguments,
        preprocessing=model.preprocessing.record(),
        precision=precision,
        dataset_version=identity.dataset_version,
        specification_digest=identity.specification_digest,
        source_digest=identity.source_digest,
        subset=identity.subset,
        variants=variants,
        limit=limit,
    )


def begin(folder: Path, plan: EvaluationPlan) -> None:
    """Record the plan, or demand that the folder was begun with the same one.

    Then what killed processes left there is removed: for one of a group to do, before any writes.

    Raises:
        EvaluationError: it was begun with another; the first difference is named.
    """
    path = folder / _PLAN_NAME
    if path.is_file():
        begun = read_model(EvaluationPlan, path, EvaluationError)
        # As JSON, where a tuple and a list are the same.
        before, now = begun.model_dump(mode="json"), plan.model_dump(mode="json")
        for field, value in now.items():
            if before[field] != value:
                raise EvaluationError(
                    f"{folder} was begun with another {field.replace('_', ' ')} "
                    f"({str(before[field])[:80]}; now {str(value)[:80]}); give another --out, or "
                    "remove the folder"
                )
    write_whole(path, plan.model_dump_json().encode())
    remove_temporary_files(folder)

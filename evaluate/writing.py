"""From a model's finished tasks to its result: gather, complete, describe, write."""

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imagenetq.digests import PixelLine, source_digest
from imagenetq.entry import ENTRY_NAME, EntryModel, LeftOut, Run
from imagenetq.errors import EntryError, EvaluationError
from imagenetq.evaluate.data.base import Data, Identity
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.parts import Parts
from imagenetq.evaluate.plan import EvaluationPlan
from imagenetq.evaluate.results import Result
from imagenetq.predictions import Predictions
from imagenetq.provenance import code_commit, code_version
from imagenetq.specification import CLEAN

_PACKAGES = ("torch", "torchvision", "timm", "transformers", "onnxruntime", "numpy", "Pillow")


def finished_result(folder: Path, plan: EvaluationPlan, identity: Identity) -> Result | None:
    """The folder's result, if it is that of the plan; None if there is none such.

    Data that are rendered from clean images are known by their digest only after a full pass, so
    their results are computed anew.
    """
    if identity.source_digest is None or not (folder / ENTRY_NAME).is_file():
        return None
    try:
        result = Result.read(folder)
    except EntryError:
        return None
    entry = result.entry
    n_images = identity.n_images if plan.limit is None else plan.limit
    same = (
        entry.model.name == plan.model
        and entry.model.weights_sha256 == plan.weights_sha256
        and entry.model.weights_key == plan.weights_key
        and entry.model.arguments == plan.arguments
        and entry.model.preprocessing == plan.preprocessing
        and entry.precision == plan.precision
        and entry.dataset_version == plan.dataset_version
        and entry.specification_digest == plan.specification_digest
        and entry.source_digest == plan.source_digest
        and entry.subset == plan.subset
        and tuple(entry.variants) == plan.variants
        and entry.n_images == min(n_images or entry.n_images, identity.n_images or entry.n_images)
    )
    return result if same else None


def gather(parts: Parts, keys: Sequence[str], same_as_clean: str | None) -> dict[str, Any]:
    """All tasks' predictions as columns.

    Args:
        parts: the finished tasks.
        keys: of all tasks; each must be finished.
        same_as_clean: a variant with clean's pixels, which gets clean's answers.

    Returns:
        Columns as `Parts.read` gives them.
    """
    missing = set(keys) - parts.finished()
    if missing:
        raise EvaluationError(f"{len(missing)} tasks are not finished; run the same command again")
    pieces = [parts.read(key) for key in keys]
    if same_as_clean is not None:
        pieces += [_copied(piece, same_as_clean) for piece in pieces]
    return {column: _joined([piece[column] for piece in pieces]) for column in pieces[0]}


def _copied(columns: dict[str, Any], name: str) -> dict[str, Any]:
    """The rows of the clean variant, as those of another."""
    rows = [row for row, variant in enumerate(columns["variant"]) if variant == CLEAN]
    copied = {
        column: values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
        for column, values in columns.items()
    }
    return copied | {"variant": [name] * len(rows)}


def _joined(pieces: Sequence[Any]) -> Any:
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    return [value for piece in pieces for value in piece]


def make_result(
    columns: dict[str, Any],
    model: Model,
    data: Data,
    *,
    precision: str,
    device: torch.device,
    renderer: str | None,
    warnings: Sequence[str],
) -> Result:
    """The result of a complete evaluation.

    Args:
        columns: of its predictions, as `gather` gives them.
        model: that was evaluated.
        data: that it was evaluated on.
        precision: of the arithmetic.
        device: where it ran.
        renderer: what rendered variants there; None if the workers did, or nothing was rendered.
        warnings: that were given.

    Raises:
        PredictionsError: an (image, variant) is missing or there twice.
    """
    identity = data.identity
    run = Run.model_validate(
        {
            "model": EntryModel(
                name=model.name,
                weights_sha256=model.weights_sha256,
                parameters=model.parameters,
                input_size=model.preprocessing.input_size,
                preprocessing=model.preprocessing.record(),
                arguments=model.arguments,
                tensors_sha256=model.tensors_sha256,
                weights_key=model.weights_key,
                outputs=model.outputs,
            ),
            "dataset_version": identity.dataset_version,
            "specification_digest": identity.specification_digest,
            "source_digest": identity.source_digest or _source_digest(columns),
            "subset": identity.subset,
            "precision": precision,
            "hardware": _hardware(device, renderer),
            "versions": _versions(),
            "code_version": code_version(),
            "code_commit": code_commit(),
            "warnings": tuple(warnings),
            "bad_images": tuple(LeftOut.of(note) for note in data.bad_images),
        }
    )
    return Result.of(run, Predictions.from_columns(columns))


def write_result(result: Result, folder: Path, parts: Parts) -> None:
    """Write the entry and its predictions, then drop the parts that they were gathered from."""
    result.write(folder)
    parts.remove()


def _source_digest(columns: dict[str, Any]) -> str | None:
    """The digest of the clean images that were read, if their hashes are known."""
    rows = zip(
        columns["image_id"],
        columns["wnid"],
        columns["variant"],
        columns["pixel_sha256"],
        strict=True,
    )
    lines = [PixelLine(*row) for row in rows if row[2] == CLEAN]
    return source_digest(lines) if all(line.pixel_sha256 for line in lines) else None


def _hardware(device: torch.device, renderer: str | None) -> dict[str, str]:
    facts = {"machine": platform.machine(), "system": platform.system(), "device": device.type}
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    if renderer is not None:
        facts["rendered on"] = f"{device.type}, {renderer}"
    return facts


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions

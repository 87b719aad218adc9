"""Make a model's result of its finished tasks: gather, complete, describe and write it."""

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imagenetq.digests import PixelLine, source_digest
from imagenetq.entry import ENTRY_NAME, LeftOut, Run, read_entry
from imagenetq.errors import EntryError, EvaluationError
from imagenetq.evaluate.data.base import Data, Identity
from imagenetq.evaluate.evaluation.clean_pass import Seen
from imagenetq.evaluate.evaluation.finished_tasks import Parts, remove_parts
from imagenetq.evaluate.evaluation.plan import EvaluationPlan, difference, differences, make_plan
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.results.result import Result
from imagenetq.files import write_whole
from imagenetq.predictions import PREDICTIONS_NAME, Predictions
from imagenetq.progress import say
from imagenetq.provenance import code_commit, code_version
from imagenetq.specification import CLEAN

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "open_clip_torch",
    "onnxruntime",
    "numpy",
    "Pillow",
)


def finished_result(
    folder: Path, plan: EvaluationPlan, identity: Identity, *, overwrite: bool = False
) -> Result | None:
    """Read the folder's result if it is that of the plan; None if it is still to be computed.

    The digest of data that are rendered from clean images is known only after a full pass, so
    their results are computed anew, and compared in `write_result`. Numbers of an entry that its
    predictions do not give are corrected.

    Raises:
        EvaluationError: the folder holds the result of another evaluation, whose differences are
            all named, and `overwrite` does not allow to replace it.
    """
    path = folder / ENTRY_NAME
    if not path.is_file():
        return None
    try:
        entry = read_entry(path)
    except EntryError as reason:
        if overwrite:
            return None
        raise EvaluationError(
            f"{reason}; give another --out, or --overwrite to replace it"
        ) from None
    # An entry knows how many photographs it has, not the limit.
    before = make_plan(entry.model, entry, tuple(entry.variants), entry.precision, entry.n_images)
    n_images = identity.n_images if plan.limit is None else plan.limit
    n_images = min(n_images or entry.n_images, identity.n_images or entry.n_images)
    now = plan.model_copy(update={"limit": n_images})
    if identity.source_digest is None:
        before = before.model_copy(update={"source_digest": None})
    found = differences(before, now)
    if found:
        if overwrite:
            return None
        raise _holds_another(folder, found)
    if identity.source_digest is None:
        return None
    try:
        result = Result.read(folder)
    except EntryError as reason:
        say(f"{reason}; it is evaluated again")
        return None
    contradictions = result.contradictions()
    if contradictions:
        result = result.corrected()
        write_whole(path, result.entry.to_json().encode())
    for contradiction in contradictions:
        say(f"{folder}/{contradiction}; it is corrected")
    return result


def _holds_another(folder: Path, found: str) -> EvaluationError:
    return EvaluationError(
        f"{folder} holds the finished result of another evaluation ({found}); give another --out, "
        "or --overwrite to replace it"
    )


def gather(parts: Parts, keys: Sequence[str], same_as_clean: str | None) -> dict[str, Any]:
    """Gather the predictions of all tasks as columns.

    Args:
        parts: the finished tasks.
        keys: keys of all tasks; each must be finished.
        same_as_clean: name of a variant with clean's pixels, which gets clean's answers; None if
            there is none to add.

    Returns:
        Columns as `Parts.read` gives them.
    """
    missing = set(keys) - parts.finished(keys)
    if missing:
        raise EvaluationError(f"{len(missing)} tasks are not finished; run the same command again")
    pieces = [parts.read(key) for key in keys]
    if same_as_clean is not None:
        pieces += [_copied(piece, same_as_clean) for piece in pieces]
    return {column: _joined([piece[column] for piece in pieces]) for column in pieces[0]}


def _copied(columns: dict[str, Any], name: str) -> dict[str, Any]:
    """Copy the rows of the clean variant, as those of another."""
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
    compiled: bool,
    seen: Seen,
) -> Result:
    """Make the result of a complete evaluation.

    Args:
        columns: its predictions, as `gather` gives them.
        model: the one that was evaluated.
        data: those that it was evaluated on.
        precision: the precision of the arithmetic.
        device: where it ran.
        renderer: what rendered variants there; None if the workers did, or nothing was rendered.
        compiled: whether the network was compiled.
        seen: what the look at clean images said.

    Raises:
        PredictionsError: a (photograph, variant) is missing or there twice.
    """
    identity = data.identity
    run = Run.model_validate(
        {
            "model": model.described(),
            "dataset_version": identity.dataset_version,
            "specification_digest": identity.specification_digest,
            "source_digest": identity.source_digest or _source_digest(columns),
            "subset": identity.subset,
            "precision": precision,
            "hardware": _hardware(device, renderer, compiled=compiled),
            "versions": _versions(),
            "code_version": code_version(),
            "code_commit": code_commit(),
            "warnings": seen.warnings,
            "clean_check": seen.check,
            "bad_images": tuple(LeftOut.of(note) for note in data.bad_images),
        }
    )
    return Result.of(run, Predictions.from_columns(columns))


def write_result(result: Result, folder: Path, parts: Parts, *, overwrite: bool = False) -> None:
    """Write the entry and its predictions, then remove the parts that they were gathered from.

    A result that was there stays until the new one is on the disk, and no entry ever stands beside
    predictions of another.

    Raises:
        EvaluationError: the folder holds a result of other images.
    """
    path = folder / ENTRY_NAME
    if path.is_file() and not overwrite:
        before, now = read_entry(path).source_digest, result.entry.source_digest
        if before != now:
            raise _holds_another(folder, difference("source_digest", before, now))
    result.write(parts.folder, overwrite=True)
    path.unlink(missing_ok=True)
    for name in (PREDICTIONS_NAME, ENTRY_NAME):
        (parts.folder / name).replace(folder / name)
    remove_parts(parts.folder)


def _source_digest(columns: dict[str, Any]) -> str | None:
    """Compute the digest of the clean images that were read; None if a hash is not known."""
    rows = zip(
        columns["image_id"],
        columns["wnid"],
        columns["variant"],
        columns["pixel_sha256"],
        strict=True,
    )
    lines = [PixelLine(*row) for row in rows if row[2] == CLEAN]
    return source_digest(lines) if all(line.pixel_sha256 for line in lines) else None


def _hardware(device: torch.device, renderer: str | None, *, compiled: bool) -> dict[str, str]:
    facts = {"machine": platform.machine(), "system": platform.system(), "device": device.type}
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    if compiled:
        facts["compiled"] = "yes"
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

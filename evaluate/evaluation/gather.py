"""Make a model's result of its finished tasks: gather, complete, describe and write it."""

import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

from imagenetq.digests import PixelLine, source_digest
from imagenetq.entry import ENTRY_NAME, LeftOut, Run, read_entry
from imagenetq.errors import EntryError, EvaluationError
from imagenetq.evaluate.data.base import Data, Identity, columns_of
from imagenetq.evaluate.evaluation.answers import AnsweredSamples
from imagenetq.evaluate.evaluation.clean_pass import Seen
from imagenetq.evaluate.evaluation.finished_tasks import STORED, Parts, remove_parts
from imagenetq.evaluate.evaluation.plan import EvaluationPlan, difference, differences, make_plan
from imagenetq.evaluate.evaluation.settings import Settings
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
    differing = differences(before, now)
    if differing and not overwrite:
        raise _holds_another(folder, differing)
    if differing or identity.source_digest is None:
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


def _holds_another(folder: Path, differing: str) -> EvaluationError:
    return EvaluationError(
        f"{folder} holds the finished result of another evaluation ({differing}); give another "
        "--out, or --overwrite to replace it"
    )


def gather(parts: Parts, keys: Sequence[str], same_as_clean: str | None) -> AnsweredSamples:
    """Gather the predictions of all tasks, each of which must be finished.

    A variant with clean's pixels, `same_as_clean`, gets clean's answers; None if there is none.
    """
    missing = set(keys) - parts.finished(keys)
    if missing:
        raise EvaluationError(f"{len(missing)} tasks are not finished; run the same command again")
    tasks = [parts.read(key) for key in keys]
    infos = [info for task in tasks for info in task.infos]
    answers = np.concatenate([task.answers for task in tasks])
    if same_as_clean is not None:
        rows = [row for row, info in enumerate(infos) if info.variant == CLEAN]
        infos += [infos[row]._replace(variant=same_as_clean) for row in rows]
        answers = np.concatenate([answers, answers[rows]])
    return AnsweredSamples(infos, answers)


def make_result(
    answered: AnsweredSamples,
    model: Model,
    data: Data,
    settings: Settings,
    seen: Seen,
    renderer: str | None,
) -> Result:
    """Make the result of a complete evaluation.

    The renderer is what rendered variants on the device; None if the workers did, or nothing was
    rendered.

    Raises:
        PredictionsError: a (photograph, variant) is missing or there twice.
    """
    identity = data.identity
    clean = [info for info in answered.infos if info.variant == CLEAN]
    lines = [PixelLine(one.image_id, one.wnid, CLEAN, one.pixel_sha256 or "") for one in clean]
    is_known = all(line.pixel_sha256 for line in lines)
    run = Run.model_validate(
        {
            "model": model.described(),
            "dataset_version": identity.dataset_version,
            "specification_digest": identity.specification_digest,
            "source_digest": identity.source_digest or (source_digest(lines) if is_known else None),
            "subset": identity.subset,
            "precision": settings.precision,
            "hardware": _hardware(settings, renderer),
            "versions": _versions(),
            "code_version": code_version(),
            "code_commit": code_commit(),
            "warnings": seen.warnings,
            "clean_check": seen.check,
            "bad_images": tuple(LeftOut.of(note) for note in data.bad_images),
        }
    )
    columns = columns_of(answered.infos) | {name: answered.answers[name] for name in STORED}
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


def _hardware(settings: Settings, renderer: str | None) -> dict[str, str]:
    device = settings.device
    facts = {"machine": platform.machine(), "system": platform.system(), "device": device.type}
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    if settings.compiled:
        facts["compiled"] = "yes"
    if renderer is not None:
        facts["rendered on"] = f"{device.type}, {renderer}"
    return facts


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions

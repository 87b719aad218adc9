"""Make a model's result of its finished tasks: gather, complete, describe and write it."""

import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from imagenetq.digests import PixelLine, source_digest
from imagenetq.entry import ENTRY_NAME, LeftOut, Run, read_entry
from imagenetq.errors import EntryError, EvaluationError
from imagenetq.evaluate.data.base import Data, Identity
from imagenetq.evaluate.evaluation.clean_pass import Seen
from imagenetq.evaluate.evaluation.finished_tasks import Parts, remove_parts
from imagenetq.evaluate.evaluation.plan import EvaluationPlan, difference, differences, make_plan
from imagenetq.evaluate.evaluation.settings import Settings
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.results.result import Result
from imagenetq.files import write_whole
from imagenetq.predictions import PREDICTIONS_NAME, Predictions
from imagenetq.progress import say
from imagenetq.provenance import code_commit, code_version
from imagenetq.specification import CLEAN

if TYPE_CHECKING:
    import pyarrow as pa

_PACKAGES = (
    *("torch", "torchvision", "timm", "transformers"),
    *("open_clip_torch", "onnxruntime", "numpy", "Pillow"),
)


def finished_result(
    folder: Path, plan: EvaluationPlan, identity: Identity, *, overwrite: bool = False
) -> Result | None:
    """Read the folder's result if it is that of the plan; None if it is still to be computed.

    The digest of data that are rendered from clean images is known only after a full pass, so
    their results are computed anew, and compared in `write_result`. Numbers of an entry that its
    predictions do not give are corrected.
    """
    path = folder / ENTRY_NAME
    if not path.is_file():
        return None
    try:
        entry = read_entry(path)
    except EntryError as error:
        if overwrite:
            return None
        raise EvaluationError(
            f"{error}; give another --out, or --overwrite to replace it"
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


def gather(parts: Parts, keys: Sequence[str], same_as_clean: str | None) -> "pa.Table":
    """Gather the predictions of all tasks, each of which must be finished: one row a sample.

    A variant with clean's pixels, `same_as_clean`, gets clean's answers; None if there is none.
    """
    import pyarrow as pa

    missing = set(keys) - parts.finished(keys)
    if missing:
        raise EvaluationError(f"{len(missing)} tasks are not finished; run the same command again")
    # A column of nothing but nulls, such as an empty task's, has no type of its own.
    table = pa.concat_tables([parts.read(key) for key in keys], promote_options="default")
    if same_as_clean is None:
        return table
    copied = _clean(table)
    index = table.column_names.index("variant")
    copied = copied.set_column(index, "variant", pa.array([same_as_clean] * len(copied)))
    return pa.concat_tables([table, copied], promote_options="default")


def _clean(table: "pa.Table") -> "pa.Table":
    import pyarrow.compute as pc

    return table.filter(pc.field("variant") == CLEAN)


def make_result(
    answered: "pa.Table",
    model: Model,
    data: Data,
    settings: Settings,
    seen: Seen,
    renderer: str | None,
) -> Result:
    """Make the result of a complete evaluation, of what `gather` gathered.

    The renderer is what rendered variants on the device; None if the workers did, or nothing was
    rendered.
    """
    identity = data.identity
    clean = _clean(answered).select(["image_id", "wnid", "pixel_sha256"]).to_pylist()
    lines = [PixelLine(r["image_id"], r["wnid"], CLEAN, r["pixel_sha256"] or "") for r in clean]
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
    return Result.of(run, Predictions.from_table(answered))


def write_result(result: Result, folder: Path, parts: Parts, *, overwrite: bool = False) -> None:
    """Write the entry and its predictions, then remove the parts that they were gathered from.

    A result that was there stays until the new one is on the disk, and no entry ever stands beside
    predictions of another.
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

"""Evaluate models on a dataset: one pass over the data, each image answered once."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from imagenetq.entry import MAX_LEFT_OUT, EntryModel
from imagenetq.errors import EvaluationError
from imagenetq.evaluate.data import open_data
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.device import exact_arithmetic
from imagenetq.evaluate.evaluation.clean_pass import fit, look_at_clean
from imagenetq.evaluate.evaluation.distributed import World, joined_world, own_device
from imagenetq.evaluate.evaluation.finished_tasks import Parts, has_leftovers
from imagenetq.evaluate.evaluation.folder_lock import locked
from imagenetq.evaluate.evaluation.gather import finished_result, gather, make_result, write_result
from imagenetq.evaluate.evaluation.plan import EvaluationPlan, begin, forget, make_plan, stamps
from imagenetq.evaluate.evaluation.predict import answer, different_preprocessings
from imagenetq.evaluate.evaluation.settings import Settings
from imagenetq.evaluate.inputs.cache import Store
from imagenetq.evaluate.inputs.choose_engine import choose_engine
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.evaluate.models.assemble import assemble
from imagenetq.evaluate.models.base import LoadOptions, Model, Network
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, OpaquePreprocessing
from imagenetq.evaluate.models.weights import Weights
from imagenetq.evaluate.results.result import Result, folder_name
from imagenetq.progress import say, working
from imagenetq.specification import CLEAN, SAME_AS_CLEAN, Variant, select_variants
from imagenetq.torch.transfer import current_device

PARTS = ".parts"
"""Name of the folder of finished tasks, beside a result."""


def evaluate(
    models: Sequence[Model], data: Data, out: Path, settings: Settings | None = None
) -> list[Result]:
    """Evaluate models, or go on with an evaluation that was interrupted.

    All models share one pass over the data. A result that is complete is read, not computed again,
    where the data's digest is known. Under `torchrun` the processes share the work; all but the
    first return no results.

    Args:
        models: loaded.
        data: what to evaluate on.
        out: each model gets a folder in it, as `folder_of` names it.
        settings: the defaults run on the CPU.

    Returns:
        One result for each model, in their order.

    Raises:
        EvaluationError: logits were not numbers; or a folder holds another evaluation, which
            `overwrite` in the settings replaces; or one is running there.
        SourceError: photographs are bad, each of which has been named.
        FolderError: the data are damaged.
        OSError: storage or network failed for good.
    """
    chosen = settings or Settings()
    variants = wanted_variants(data, chosen.only)
    names = tuple(variant.name for variant in variants)
    folders = {model.name: out / folder_of(model) for model in models}
    if len(set(folders.values())) < len(models):
        raise EvaluationError("two models of one name; evaluate them one by one")
    plans = {
        one.name: make_plan(one.described(), data.identity, names, chosen.precision, chosen.limit)
        for one in models
    }
    finished: dict[str, Result] = {}

    with joined_world() as world, ExitStack() as holding:

        def prepare() -> set[str]:
            for name, plan in plans.items():
                result = _prepared(folders[name], plan, data, chosen, holding)
                if result is not None:
                    finished[name] = result
            return set(finished)

        done = world.decide(prepare)
        todo = [model for model in models if model.name not in done]
        here = replace(chosen, device=own_device(chosen.device, world))
        with current_device(here.device), exact_arithmetic(here.precision):
            fresh = _evaluate(todo, data, folders, plans, here, world) if todo else []
            if world.rank != 0:
                return []
    by_name = finished | {result.entry.model.name: result for result in fresh}
    return [by_name[model.name] for model in models]


def _prepared(
    folder: Path, plan: EvaluationPlan, data: Data, settings: Settings, holding: ExitStack
) -> Result | None:
    """Read a folder's finished result; if there is none, hold the folder and record its plan."""
    overwrite = settings.overwrite
    result = finished_result(folder, plan, data.identity, overwrite=overwrite)
    parts = folder / PARTS
    if result is not None and not has_leftovers(parts):
        return result
    holding.enter_context(locked(folder))
    # Whoever held the folder a moment ago may have finished.
    result = finished_result(folder, plan, data.identity, overwrite=overwrite)
    if result is None:
        begin(parts, plan, overwrite=overwrite)
    else:
        forget(parts, plan)
    return result


def _evaluate(
    models: Sequence[Model],
    data: Data,
    folders: dict[str, Path],
    plans: dict[str, EvaluationPlan],
    settings: Settings,
    world: World,
) -> list[Result]:
    """Evaluate models that have no result yet; only the first process gets results."""
    device = settings.device
    pipeline = InputPipeline(
        device,
        settings.batch_size,
        settings.workers,
        choose_engine(settings.render, device, data, different_preprocessings(models)),
        None if settings.cache is None else Store(settings.cache, settings.cache_bytes),
    )
    names = plans[models[0].name].variants
    # A variant with the clean image's pixels is not computed twice.
    read = select_variants([name for name in names if name != SAME_AS_CLEAN])
    # First, because it looks for bad photographs and missing shards.
    tasks = data.tasks(read, settings.limit)
    if len(data.bad_images) > MAX_LEFT_OUT:
        raise EvaluationError(
            f"{len(data.bad_images)} photographs were left out as bad, more than the "
            f"{MAX_LEFT_OUT} that an entry can name; mend the source"
        )
    for model in models:
        fit(model, data, settings.limit, pipeline)
    is_first = world.rank == 0
    models, looks = look_at_clean(models, data, settings.limit, pipeline, is_checked=is_first)
    for model, seen in zip(models, looks, strict=True):
        for line in seen.warnings:
            say(f"warning: {line}")
        if seen.check is not None:
            say(f"{model.name}: clean check: {seen.check.words()}")
    parts = [Parts(folders[one.name] / PARTS, stamps(plans[one.name], tasks)) for one in models]
    answer(models, parts, world.share(tasks), pipeline, settings)
    world.wait()
    if not is_first:
        return []
    copied = SAME_AS_CLEAN if len(read) < len(names) else None
    renderer = None if pipeline.engine is None else pipeline.engine.name
    results = []
    for model, part, seen in zip(models, parts, looks, strict=True):
        with working(f"scoring {model.name}"):
            answered = gather(part, [task.key for task in tasks], copied)
            result = make_result(answered, model, data, settings, seen, renderer)
        write_result(result, folders[model.name], part, overwrite=settings.overwrite)
        results.append(result)
    return results


def evaluate_model(
    module: torch.nn.Module,
    transform: AnyPreprocessing | Callable[[Image.Image], Any],
    data: Data | str | Path,
    *,
    name: str = "model",
    out: Path | None = None,
    **settings: Any,
) -> Result:
    """Evaluate a network that is at hand, as in a notebook.

    Args:
        module: gives logits of shape (n, 1000) for a batch of the transform's outputs.
        transform: a `Preprocessing`; or any callable from a Pillow image to a float32 tensor of
            shape (3, height, width), such as torchvision's or timm's. It must be picklable if
            there are workers.
        data: opened, or what `open_data` takes.
        name: the model's name, for the entry.
        out: where to keep the result; a temporary folder if None.
        **settings: as for `Settings.of`.

    Raises:
        ModelError: the network is no classifier of 1,000 classes.
        ImagenetqError: as `evaluate`.
    """
    preprocessing = transform if isinstance(transform, AnyPreprocessing) else _opaque(transform)
    model = assemble(name, Network(module, preprocessing, Weights.of(module)), LoadOptions())
    opened = data if isinstance(data, Data) else open_data(data)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) if out is None else out
        (result,) = evaluate([model], opened, folder, Settings.of(**settings))
    return result


def _opaque(transform: Callable[[Image.Image], Any]) -> OpaquePreprocessing:
    """Make a preprocessing of a callable; what it makes of two shapes tells its input size."""
    preprocessing = OpaquePreprocessing(transform)
    sizes = {
        preprocessing.pixels(np.zeros((*shape, 3), np.uint8)).shape[1:]
        for shape in ((48, 64), (64, 48))
    }
    if len(sizes) > 1:
        return preprocessing
    height, width = sizes.pop()
    return OpaquePreprocessing(transform, (height, width))


def folder_of(model: Model | EntryModel) -> str:
    """Name a result's folder after its model, and its weights if they were given as a file."""
    if model.weights_file is None:
        return folder_name(model.name)
    weights = f"{PurePath(model.weights_file).stem}-{(model.weights_sha256 or '')[:8]}"
    return folder_name(f"{model.name}-{weights}")


def wanted_variants(data: Data, only: Sequence[str] | None) -> tuple[Variant, ...]:
    """Select the variants to evaluate; clean is always added to those named."""
    wanted = data.variants if only is None else select_variants([*only, CLEAN])
    available = {SAME_AS_CLEAN, *(variant.name for variant in data.variants)}
    missing = [variant.name for variant in wanted if variant.name not in available]
    if missing:
        raise EvaluationError(f"the data hold no {missing[0]}; choose among what they hold")
    return wanted

"""Run an entry again: load its model as whoever checks says, and compare some of its answers.

Two machines do not give the same logits to the last bit, so answers may differ where, and only
where, the network is undecided within a small tolerance.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.choices import RANKED_PRECISION
from imagenetq.confined import Confined
from imagenetq.entry import Entry
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.data.base import Data, Sample
from imagenetq.evaluate.device import exact_arithmetic
from imagenetq.evaluate.evaluation.clean_pass import fit, look_at_clean
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.evaluate.leaderboard.checks.check import predictions_of
from imagenetq.evaluate.leaderboard.checks.findings import Finding, Verdict, fail, warn
from imagenetq.evaluate.leaderboard.entry.folder import read_folder
from imagenetq.evaluate.models import LoadOptions, load_model
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.plain import foreign_arguments, is_of_a_library
from imagenetq.evaluate.models.preprocessing import normalise
from imagenetq.predictions import Predictions, read_predictions
from imagenetq.progress import meter
from imagenetq.specification import variant

TOLERANCE = 0.01
"""How much the logarithm of a probability may differ: by 1 % of the probability."""

_TINY = 1e-6
"""How much a probability may differ beyond that: float32 is no finer for those near 1."""


class Pair(NamedTuple):
    """One answer to compare."""

    image: int
    """Index of the photograph in the predictions."""

    variant: int
    """Index of the variant in the predictions."""


def run_again(
    path: Path,
    verdict: Verdict,
    data: Data,
    *,
    n_pairs: int,
    seed: int | None = None,
    model: str | None = None,
    options: LoadOptions | None = None,
    fetched: Path | None = None,
) -> tuple[Verdict, str]:
    """Answer random pairs of an entry again; nothing in the entry decides what code runs.

    An entry whose verdict is FAIL is not run. The seed decides the choice of pairs, and is drawn if
    None, so that nobody knows it before. If no model is given, it is the entry's own name, which
    must then be safe to load. The result is the verdict with what the rerun found, and a line that
    tells what was done.
    """
    if verdict.status == "FAIL":
        return verdict, f"{verdict.name}: fails already, so it was not run again"
    folder = read_folder(path)
    entry = folder.entry
    name = model or entry.model.name
    foreign = foreign_arguments(entry.model.name, entry.model.arguments)
    if foreign:
        raise UsageError(
            f"{verdict.name}: its argument {foreign[0][:80]!a} is no plain value of an "
            "architecture's parameter and may load code or files, so it is not run again"
        )
    if model is None and not is_of_a_library(name):
        raise UsageError(
            f"{name[:80]!a} may load code or files of the submitter's; look at what it is, and "
            "then name it with --model"
        )
    seed = secrets.randbits(32) if seed is None else seed
    loaded = load_model(name, options)
    with TemporaryDirectory() as temporary, Confined() as confined:
        file = predictions_of(folder, fetched or Path(temporary))
        predictions = confined.run(read_predictions, file, entry.predictions_sha256)
    findings = rerun(entry, predictions, loaded, data, n_pairs=n_pairs, seed=seed)
    total = predictions.n_images * len(predictions.variants)
    note = f"{verdict.name}: {min(n_pairs, total)} of {total} answers run again, --seed {seed}"
    return Verdict.of(verdict.name, [*verdict.findings, *findings]), note


def rerun(
    entry: Entry,
    predictions: Predictions,
    model: Model,
    data: Data,
    *,
    n_pairs: int,
    seed: int,
    device: torch.device | None = None,
) -> list[Finding]:
    """Evaluate random pairs of a checked entry again, and list what differs.

    The model is the entry's, as whoever checks has loaded it; it runs on the CPU if the device is
    None. All pairs are taken if there are fewer than `n_pairs`.
    """
    findings = [*_other_model(entry, model), *_other_data(entry, data)]
    if findings:
        return findings
    if entry.precision != RANKED_PRECISION:
        reason = f"computed in {entry.precision}, and only {RANKED_PRECISION} repeats"
        return [warn(f"not run again: {reason}")]
    device = device or torch.device("cpu")
    pipeline = InputPipeline(device, batch_size=64, workers=0)
    fit(model, data, entry.n_images, pipeline)
    (model,), _ = look_at_clean([model], data, None, pipeline, is_checked=False)
    if entry.model.outputs not in (None, model.outputs):
        return [fail(f"run again: gives {model.outputs}, but the entry says {entry.model.outputs}")]
    model.module.to(device)
    wanted = choose(predictions, data, n_pairs, seed)
    with (
        exact_arithmetic(RANKED_PRECISION),
        torch.inference_mode(),
        meter("running again", len(wanted)) as progress,
    ):
        for pair, sample in _samples(predictions, data, wanted):
            log_probabilities = _log_probabilities(model, sample, device)
            findings += [
                fail(f"run again, {sample.info.image_id!a}, {sample.info.variant}: {difference}")
                for difference in differences(predictions, pair, log_probabilities)
            ]
            progress.advance(1)
    return findings


def choose(predictions: Predictions, data: Data, n_pairs: int, seed: int) -> list[Pair]:
    """Choose random pairs whose variants the dataset holds; the same seed gives the same pairs."""
    available = {variant.name for variant in data.variants}
    columns = [i for i, name in enumerate(predictions.variants) if name in available]
    total = predictions.n_images * len(columns)
    drawn = np.random.default_rng(seed).choice(total, min(n_pairs, total), replace=False)
    return [
        Pair(image, columns[column])
        for image, column in (divmod(cell, len(columns)) for cell in sorted(drawn.tolist()))
    ]


def differences(
    predictions: Predictions, pair: Pair, log_probabilities: NDArray[np.float64]
) -> Iterator[str]:
    """Tell where the network's answer differs from a stored one by more than the tolerance.

    The logarithms are the network's, of all classes: float64 of shape (1000,).
    """
    given = np.exp(log_probabilities)
    ranked = np.argsort(-log_probabilities, kind="stable")
    stored = zip(predictions.top5_class[pair], predictions.top5_probability[pair], strict=True)
    for (label, probability), rival, rank in zip(stored, ranked, count(1), strict=False):
        if not (_is_near(probability, given[label]) and _is_near(probability, given[rival])):
            yield (
                f"place {rank} is class {rival} with {given[rival]:.6f}, but the entry says "
                f"class {label} with {probability:.6f}"
            )
            return
    label = int(predictions.labels[pair.image])
    stored_true = predictions.true_probability[pair]
    if not _is_near(stored_true, given[label]):
        yield f"the true class has {given[label]:.6f}, but the entry says {stored_true:.6f}"
        return
    rivals = np.delete(log_probabilities, label) - log_probabilities[label]
    best = 1 + int((rivals > TOLERANCE).sum())
    worst = 1 + int((rivals >= -TOLERANCE).sum())
    rank = int(predictions.true_rank[pair])
    if not best <= rank <= worst:
        yield f"the true class has rank {best} to {worst}, but the entry says {rank}"


def _is_near(stored: float, given: float) -> bool:
    return bool(abs(stored - given) <= TOLERANCE * max(stored, given) + _TINY)


def _other_model(entry: Entry, model: Model) -> Iterator[Finding]:
    stated = entry.model
    loaded = {
        "name": model.name,
        "parameters": model.parameters,
        "preprocessing": model.preprocessing.record(),
        "arguments": model.arguments,
    }
    # The same tensors are the same weights, whatever file holds them.
    if stated.tensors_sha256 is None or stated.tensors_sha256 != model.tensors_sha256:
        loaded |= {"weights_sha256": model.weights_sha256, "weights_key": model.weights_key}
    facts = [(field, getattr(stated, field), actual) for field, actual in loaded.items()]
    # Embeddings differ in their last bits from machine to machine, so prompts are compared.
    prompts = stated.zero_shot and stated.zero_shot.prompts_sha256
    loaded_prompts = model.zero_shot and model.zero_shot.prompts_sha256
    facts.append(("zero_shot.prompts_sha256", prompts, loaded_prompts))
    for field, recorded, actual in facts:
        if recorded != actual:
            yield fail(
                f"not run again: model.{field} is {str(recorded)[:80]!a}, but that of the loaded "
                f"model is {str(actual)[:80]!a}; load it as the entry says, or the entry is wrong"
            )


def _other_data(entry: Entry, data: Data) -> Iterator[Finding]:
    for field in ("specification_digest", "source_digest", "subset"):
        stated, actual = getattr(entry, field), getattr(data.identity, field)
        # Rendered data know their source only after a full pass.
        if actual not in (None, stated):
            noun = field.replace("_", " ")
            yield fail(
                f"not run again: its {noun} is {str(stated)[:12]}, but the data's is "
                f"{actual[:12]}; give the data that it was evaluated on"
            )


def _samples(
    predictions: Predictions, data: Data, wanted: Sequence[Pair]
) -> Iterator[tuple[Pair, Sample]]:
    """Read the samples of the pairs, variant by variant, from as few shards as can be guessed."""
    positions = {image: at for at, image in enumerate(predictions.dataset_order())}
    by_variant: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in wanted:
        by_variant[predictions.variants[pair.variant]].append(pair)
    for name, pairs in by_variant.items():
        missing = {predictions.image_ids[pair.image]: pair for pair in pairs}
        tasks = data.tasks([variant(name)])
        expected = [positions[p.image] * len(tasks) // predictions.n_images for p in pairs]
        # Bad photographs that were left out shift the rows, so tasks nearby come next.
        nearest_first = sorted(
            range(len(tasks)), key=lambda task: min(abs(task - near) for near in expected)
        )
        for sample in chain.from_iterable(tasks[task].samples() for task in nearest_first):
            if sample.info.image_id in missing:
                yield missing.pop(sample.info.image_id), sample
            if not missing:
                break
        else:
            image_id = next(iter(missing))
            raise FolderError(f"the data hold no {image_id!a}, so they are not those of the entry")


def _log_probabilities(model: Model, sample: Sample, device: torch.device) -> NDArray[np.float64]:
    picture = torch.from_numpy(model.preprocessing.pixels(sample.pixels))[None].to(device)
    logits: torch.Tensor = model.module(normalise(picture, model.preprocessing))
    values: NDArray[np.float64] = logits[0].double().log_softmax(dim=0).cpu().numpy()
    return values

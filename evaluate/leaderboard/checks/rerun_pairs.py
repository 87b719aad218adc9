"""Answer some (photograph, variant) pairs of an entry again, with its network and the dataset.

Two machines do not give the same logits to the last bit, so answers may differ where, and only
where, the network is undecided within a small tolerance.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.choices import RANKED_PRECISION
from imagenetq.entry import Entry
from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import Data, Sample, Task
from imagenetq.evaluate.device import exact_arithmetic
from imagenetq.evaluate.evaluation.clean_pass import fit, look_at_clean
from imagenetq.evaluate.inputs.pipeline import InputPipeline
from imagenetq.evaluate.leaderboard.checks.findings import Finding, fail, warn
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.preprocessing import normalise
from imagenetq.predictions import Predictions
from imagenetq.progress import meter
from imagenetq.specification import variants

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
    """Evaluate random pairs again, and compare the answers.

    Args:
        entry: one that was checked.
        predictions: the entry's.
        model: the entry's, as whoever checks has loaded it; nothing of the entry decides what code
            runs.
        data: the dataset that the entry says it is of.
        n_pairs: number of pairs; all if there are fewer.
        seed: decides the choice of pairs.
        device: where the model runs; the CPU if None.

    Returns:
        What differs; empty if nothing does.

    Raises:
        FolderError: the dataset is damaged.
        OSError: storage or network failed for good.
    """
    found = [*_other_model(entry, model), *_other_data(entry, data)]
    if found:
        return found
    if entry.precision != RANKED_PRECISION:
        return [
            warn(
                f"not run again: computed in {entry.precision}, and only {RANKED_PRECISION} repeats"
            )
        ]
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
            place = f"{sample.info.image_id!a}, {sample.info.variant}"
            found += [
                fail(f"run again, {place}: {difference}")
                for difference in differences(predictions, pair, log_probabilities)
            ]
            progress.advance(1)
    return found


def choose(predictions: Predictions, data: Data, n_pairs: int, seed: int) -> list[Pair]:
    """Choose random pairs whose variants the dataset holds; the same seed gives the same pairs."""
    held = {variant.name for variant in data.variants}
    columns = [place for place, name in enumerate(predictions.variants) if name in held]
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

    Args:
        predictions: the stored answers.
        pair: which answer to compare.
        log_probabilities: the network's, of all classes: float64 of shape (1000,).
    """
    given = np.exp(log_probabilities)
    ranked = np.argsort(-log_probabilities, kind="stable")
    stored = zip(predictions.top5_class[pair], predictions.top5_probability[pair], strict=True)
    for place, (label, probability) in enumerate(stored):
        rival = ranked[place]
        if not (_is_near(probability, given[label]) and _is_near(probability, given[rival])):
            yield (
                f"place {place + 1} is class {rival} with {given[rival]:.6f}, but the entry says "
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
    said_of = {field: getattr(stated, field) for field in loaded}
    # Embeddings differ in their last bits from machine to machine, so prompts are compared.
    said_of["zero_shot.prompts_sha256"] = stated.zero_shot and stated.zero_shot.prompts_sha256
    loaded["zero_shot.prompts_sha256"] = model.zero_shot and model.zero_shot.prompts_sha256
    for field, value in loaded.items():
        said = said_of[field]
        if said != value:
            yield fail(
                f"not run again: model.{field} is {str(said)[:80]!a}, but that of the loaded "
                f"model is {str(value)[:80]!a}; load it as the entry says, or the entry is wrong"
            )


def _other_data(entry: Entry, data: Data) -> Iterator[Finding]:
    identity = data.identity
    for field in ("specification_digest", "source_digest", "subset"):
        said, held = getattr(entry, field), getattr(identity, field)
        # Rendered data know their source only after a full pass.
        if said != held and held is not None:
            noun = field.replace("_", " ")
            yield fail(
                f"not run again: its {noun} is {str(said)[:12]}, but the data's is {held[:12]}; "
                "give the data that it was evaluated on"
            )


def _samples(
    predictions: Predictions, data: Data, wanted: Sequence[Pair]
) -> Iterator[tuple[Pair, Sample]]:
    """Read the samples of the pairs, variant by variant, from as few shards as can be guessed."""
    ladder = {variant.name: variant for variant in variants()}
    by_variant: defaultdict[int, dict[str, Pair]] = defaultdict(dict)
    for pair in wanted:
        by_variant[pair.variant][predictions.image_ids[pair.image]] = pair
    order = enumerate(predictions.dataset_order())
    rows = {predictions.image_ids[image]: row for row, image in order}
    for place, missing in by_variant.items():
        tasks = data.tasks([ladder[predictions.variants[place]]])
        for task in _likeliest_first(tasks, [rows[image_id] for image_id in missing], len(rows)):
            for sample in task.samples():
                if sample.info.image_id in missing:
                    yield missing.pop(sample.info.image_id), sample
                if not missing:
                    break
            if not missing:
                break
        if missing:
            image_id = next(iter(missing))
            raise FolderError(f"the data hold no {image_id!a}, so they are not those of the entry")


def _likeliest_first(tasks: Sequence[Task], rows: Sequence[int], n_rows: int) -> list[Task]:
    """Sort tasks by how near they are to where the rows should be.

    Bad photographs that were left out shift the rows.
    """
    expected = [row * len(tasks) // n_rows for row in rows]
    places = sorted(
        range(len(tasks)), key=lambda place: min(abs(place - near) for near in expected)
    )
    return [tasks[place] for place in places]


def _log_probabilities(model: Model, sample: Sample, device: torch.device) -> NDArray[np.float64]:
    picture = torch.from_numpy(model.preprocessing.pixels(sample.pixels))[None].to(device)
    logits: torch.Tensor = model.module(normalise(picture, model.preprocessing))
    values: NDArray[np.float64] = logits[0].double().log_softmax(dim=0).cpu().numpy()
    return values

"""Look for what an honest evaluation hardly ever shows, and a human should see.

All tests are exact, and significant at 1 in 1,000 after Bonferroni's correction for their number.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from imagenetq.entry import Entry, EntryModel
from imagenetq.evaluate.leaderboard.checks.findings import Finding, fail, warn
from imagenetq.evaluate.results.comparison import mcnemar
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS, SAME_AS_CLEAN, UNIFORM_GREY, variants

_SIGNIFICANT = 1e-3


def suspicions(predictions: Predictions) -> Iterator[Finding]:
    """Look for what is odd in predictions, whatever model they are of."""
    yield from _rising(predictions)
    yield from _clean_again(predictions)
    yield from _seen_in_grey(predictions)


def clean_suspicion(entry: Entry) -> Iterator[Finding]:
    """Warn if clean top-1 accuracy is far from what the model's library publishes."""
    from scipy.special import bdtr, bdtrc

    published, clean = published_top1(entry.model), entry.variants.get(CLEAN)
    if published is None or clean is None:
        return
    below = bdtr(float(clean.correct_top1), clean.total, published)
    above = bdtrc(float(clean.correct_top1 - 1), clean.total, published)
    if 2 * min(below, above) >= _SIGNIFICANT:
        return
    measured = clean.correct_top1 / clean.total
    side, why = (
        ("below", "check the preprocessing, the class order and the weights")
        if measured < published
        else ("above", "were these photographs among those it was trained on?")
    )
    yield warn(
        f"clean top-1 is {measured:.1%} on {clean.total} photographs, far {side} the "
        f"{published:.1%} published for {entry.model.name}; {why}"
    )


def published_top1(model: EntryModel) -> float | None:
    """Look up the clean top-1 accuracy that a model's library publishes; None if that is unknown.

    Torchvision's figures for its weights are known if it is installed, and so are those of the
    paper's networks. Nothing is loaded, whatever the name is.
    """
    source, _, name = model.name.partition("/")
    if source == "caffe":
        from imagenetq.evaluate.models.from_caffe import PUBLISHED

        return PUBLISHED[name].top1 if name in PUBLISHED else None
    if source != "torchvision":
        return None
    try:
        from torchvision import models
    except ImportError:
        return None
    if name not in models.list_models(module=models):
        return None
    published = models.get_model_weights(name).__members__
    weights = published.get(str(model.arguments.get("weights", "DEFAULT")))
    return None if weights is None else weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100


def fingerprint(predictions: Predictions) -> str:
    """Compute a digest that is the same for two entries with the same answers, however stored.

    Probabilities are left out: it is easy to change them a little.
    """
    digest = hashlib.sha256("\n".join(predictions.image_ids + predictions.variants).encode())
    for answers in (predictions.top5_class, predictions.true_rank):
        digest.update(np.ascontiguousarray(answers).data)
    return digest.hexdigest()


def _rising(predictions: Predictions) -> Iterator[Finding]:
    """Warn of levels that are significantly easier than the one before, or than the clean image."""
    clean = predictions.column(CLEAN)
    rungs: list[tuple[int, int]] = []
    for ladder in LADDERS:
        names = [v.name for v in variants() if v.distortion == ladder.distortion]
        columns = [predictions.column(name) for name in names if name != CLEAN]
        evaluated = [column for column in columns if column is not None]
        rungs += pairwise(evaluated)
        if clean is not None:
            rungs += [(clean, column) for column in evaluated]
    if not rungs:
        return
    correct = predictions.correct(1)
    milder, stronger = (correct[:, [pair[side] for pair in rungs]] for side in (0, 1))
    lost = (milder & ~stronger).sum(axis=0, dtype=np.int64)
    won = (stronger & ~milder).sum(axis=0, dtype=np.int64)
    # McNemar's p is twice the smaller tail; only the tail of winning matters here.
    p = mcnemar(lost, won) / 2
    for i in np.flatnonzero((won > lost) & (p * len(rungs) < _SIGNIFICANT)).tolist():
        before, after = (predictions.variants[column] for column in rungs[i])
        yield warn(
            f"{after} is easier for it than {before}: {won[i]} photographs are recognised in "
            f"{after} alone, {lost[i]} in {before} alone"
        )


def _clean_again(predictions: Predictions) -> Iterator[Finding]:
    """Fail if a variant with the clean image's pixels got other answers than the clean image."""
    clean, same = predictions.column(CLEAN), predictions.column(SAME_AS_CLEAN)
    if clean is None or same is None:
        return
    answers = predictions.top5_class
    other = (answers[:, clean] != answers[:, same]).any(axis=1)
    if other.any():
        image_id = predictions.image_ids[int(other.argmax())]
        yield fail(
            f"{SAME_AS_CLEAN} is the clean image again, but {int(other.sum())} photographs got "
            f"other answers ({image_id!a})"
        )


def _seen_in_grey(predictions: Predictions) -> Iterator[Finding]:
    """Warn if more is recognised in uniform grey than chance explains."""
    from scipy.special import bdtrc

    column = predictions.column(UNIFORM_GREY)
    if column is None:
        return
    correct = int(predictions.correct(1)[:, column].sum())
    _, counts = np.unique(predictions.labels, return_counts=True)
    # Whoever always answers the commonest class is right this often.
    chance = counts.max() / predictions.n_images
    if bdtrc(float(correct - 1), predictions.n_images, float(chance)) < _SIGNIFICANT:
        yield warn(
            f"{correct} of {predictions.n_images} photographs are recognised in {UNIFORM_GREY}, "
            "where they are uniform grey"
        )

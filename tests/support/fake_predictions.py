"""Predictions that obey every rule, made up for tests."""

from typing import Any

import numpy as np

from imagenetq.entry import EntryModel, Run
from imagenetq.evaluate.results.result import Result
from imagenetq.predictions import Predictions
from imagenetq.specification import variants

ALL = tuple(v.name for v in variants())


def columns(
    rank: np.ndarray,
    names: tuple[str, ...] = ALL,
    *,
    labels: np.ndarray | None = None,
    short_sides: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    true_probability: np.ndarray | None = None,
) -> dict[str, Any]:
    """The file's columns for given ranks of the true class.

    Args:
        rank: of shape (images, variants).
        names: the variants, in ladder order.
        labels: of the images; 7 times their place if None.
        short_sides: of the images; 300 if None.
        confidence: 0.2 to 1, same shape as rank; 0.5 if None.
        true_probability: for the rows whose true class is not in the top 5; 0 if None.
    """
    n, m = rank.shape
    rows = n * m
    labels = 7 * np.arange(n) % 1000 if labels is None else labels
    short_sides = np.full(n, 300) if short_sides is None else short_sides
    first = np.full(rows, 0.5) if confidence is None else confidence.ravel()
    top = np.repeat(((1 - first) / 5)[:, None], 5, axis=1).astype(np.float32)
    top[:, 0] = first
    flat = rank.ravel()
    row_labels = np.repeat(labels, m)
    classes = (row_labels[:, None] + 1 + np.arange(5)) % 1000
    inside = flat <= 5
    classes[inside, flat[inside] - 1] = row_labels[inside]
    true = np.zeros(rows) if true_probability is None else true_probability.ravel()
    listed = top[np.arange(rows), np.minimum(flat, 5) - 1]
    return {
        "image_id": [f"ILSVRC2012_val_{i:08d}" for i in range(n) for _ in range(m)],
        "variant": list(names) * n,
        "label": row_labels.astype(np.int16),
        "short_side": np.repeat(short_sides, m).astype(np.int32),
        "top5_class": classes.astype(np.int16),
        "top5_probability": top,
        "true_probability": np.where(inside, listed, true).astype(np.float32),
        "true_rank": flat.astype(np.int32),
    }


def random_columns(n: int, names: tuple[str, ...] = ALL, seed: int = 0) -> dict[str, Any]:
    """Answers that get worse along the list of variants."""
    generator = np.random.default_rng(seed)
    m = len(names)
    easy = generator.random((n, 1))
    right = generator.random((n, m)) < np.linspace(0.9, 0.1, m) * (0.4 + easy)
    return columns(
        np.where(right, 1, generator.integers(2, 1000, (n, m))),
        names,
        labels=np.random.default_rng(1).integers(0, 1000, n),
        short_sides=np.random.default_rng(2).choice([240, 333, 375, 375, 500], n),
        confidence=generator.uniform(0.2, 1, (n, m)).astype(np.float32),
        true_probability=0 * easy + np.zeros(m),
    )


def random_predictions(n: int, names: tuple[str, ...] = ALL, seed: int = 0) -> Predictions:
    """The same images for every seed, other answers."""
    return Predictions.from_columns(random_columns(n, names, seed))


def run(**changes: Any) -> Run:
    """Facts of an evaluation that did not take place."""
    facts: dict[str, Any] = {
        "model": EntryModel(
            name="timm/made_up",
            weights_sha256="a" * 64,
            parameters=1000,
            input_size=(224, 224),
            preprocessing={"resize": 256, "crop": [224, 224], "mean": [0.485, 0.456, 0.406]},
            arguments={"pad_type": "same"},
        ),
        "dataset_version": "1.0.0",
        "specification_digest": "b" * 64,
        "source_digest": "c" * 64,
        "subset": "full",
        "precision": "fp32",
        "hardware": {"device": "a device"},
        "versions": {"Pillow": "12.1.0", "torch": "2.8.0"},
        "code_version": "0.1.0",
        "code_commit": None,
        "warnings": ("clean accuracy is far below the published one",),
    }
    return Run(**(facts | changes))


def result(n: int = 30, names: tuple[str, ...] = ALL, seed: int = 0, **changes: Any) -> Result:
    """A result over the same images for every seed."""
    return Result.of(run(**changes), random_predictions(n, names, seed))

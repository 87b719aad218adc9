"""Entries of the leaderboard, made up for tests of its site: few images, any number of models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fake_predictions import ALL, columns, run
from imagenetq.entry import EntryModel
from imagenetq.evaluate.leaderboard.entry.submission import Submission
from imagenetq.evaluate.leaderboard.site.board import Board, Hits, Standing
from imagenetq.evaluate.results.result import Result
from imagenetq.files import write_whole
from imagenetq.predictions import Predictions
from imagenetq.specification import specification_digest

HOSTILE = "<img src=x onerror=alert(1)></script>{{7*7}}'\"&amp;"


def predictions(strength: float, n: int = 40, seed: int = 0) -> Predictions:
    """Answers of a model to the same images for every seed; 0 recognises nothing."""
    m = len(ALL)
    easy = np.random.default_rng(99).random((n, 1))
    generator = np.random.default_rng(seed)
    right = generator.random((n, m)) < strength * np.linspace(1, 0.2, m) * (0.5 + easy)
    rank = np.where(right, 1, generator.integers(2, 1000, (n, m)))
    # The same pixels get the same answers.
    rank[:, ALL.index("contrast-1.0")] = rank[:, ALL.index("clean")]
    return Predictions.from_columns(columns(rank))


def result(strength: float = 0.8, n: int = 40, seed: int = 0, **changes: Any) -> Result:
    """A result that the leaderboard's check would take."""
    name = changes.pop("model", "timm/made_up")
    usual = {"pad_type": "same"} if name.startswith("timm/") else {}
    model = {
        "name": name,
        "parameters": changes.pop("parameters", 25_600_000),
        "input_size": changes.pop("input_size", (224, 224)),
        "weights_sha256": "a" * 64,
        "preprocessing": {"resize": 256, "crop": [224, 224], "mean": [0.485, 0.456, 0.406]},
        "arguments": changes.pop("arguments", usual),
    }
    facts = {
        "model": EntryModel(**model),
        "specification_digest": specification_digest(),
        "warnings": (),
    }
    return Result.of(run(**(facts | changes)), predictions(strength, n, seed))


def submission(title: str, **changes: Any) -> Submission:
    """What a submitter says."""
    facts: dict[str, Any] = {
        "name": title,
        "link": "https://example.org/model",
        "paper": None,
        "training_data": "ImageNet-1k",
        "notes": "",
    }
    return Submission(**(facts | changes))


def standing(
    name: str,
    held: Result,
    *,
    title: str | None = None,
    is_registered: bool = True,
    unranked: str | None = None,
    at_hand: bool = True,
    **said: Any,
) -> Standing:
    """An entry as the board holds it."""
    return Standing(
        name=name,
        submission=submission(title or name, **said),
        entry=held.entry,
        hits=Hits.of(held.predictions) if at_hand else None,
        is_registered=is_registered,
        unranked=unranked if is_registered else "a demonstration: its source is not registered",
    )


def many(n: int, n_images: int = 40) -> Board:
    """So many ranked entries, from good to bad ones, of several libraries and sizes."""
    sizes = [(224, 224), (299, 299), (384, 384)]
    made = []
    for place in range(n):
        held = result(
            0.95 - 0.7 * place / n,
            n_images,
            seed=place,
            model=f"{('timm', 'torchvision', 'transformers')[place % 3]}/network_{place}",
            parameters=1_200_000 + 900_000 * (place * 7 % 97),
            input_size=sizes[place % len(sizes)],
        )
        made.append(standing(f"network-{place}", held, title=f"Network {place}"))
    return Board(tuple(made))


def crowd(n: int) -> Board:
    """So many entries as long as real ones: counts of the full subset, notes, links, versions.

    Answers to 12 images are what pairs are compared by, and 10,000 what the numbers are said of.
    """
    generator = np.random.default_rng(5)
    return Board(tuple(_lengthened(held, generator) for held in many(n, 12).standings))


def _lengthened(held: Standing, generator: np.random.Generator) -> Standing:
    entry, scale = held.entry, 10_000 // (held.entry.n_images + 1)
    counts = {
        name: one.model_copy(
            update={
                "total": 10_000,
                "correct_top1": one.correct_top1 * scale + int(generator.integers(scale)),
                "correct_top5": one.correct_top5 * scale + int(generator.integers(scale)),
            }
        )
        for name, one in entry.variants.items()
    }
    model = entry.model.model_copy(update={"weights_sha256": generator.bytes(32).hex()})
    versions = {"torch": f"2.{generator.integers(12)}.1", "Pillow": f"1{generator.integers(4)}.0.0"}
    entry = entry.model_copy(
        update={
            "n_images": 10_000,
            "variants": counts,
            "model": model,
            "versions": dict(entry.versions) | versions,
            "predictions_sha256": generator.bytes(32).hex(),
            "code_commit": generator.bytes(20).hex(),
        }
    )
    said = {
        "link": f"https://example.org/models/{held.name}/tree/main/weights",
        "paper": f"https://example.org/papers/{generator.integers(10**9)}",
        "training_data": ("ImageNet-1k", "ImageNet-21k, then ImageNet-1k")[len(held.name) % 2],
        "notes": f"{held.submission.name}, trained for {generator.integers(600)} epochs with the "
        "recipe of the paper, exponential moving average of the weights, and mixed precision.",
    }
    submission = held.submission.model_copy(update=said)
    return replace(held, entry=entry, submission=submission)


def write_entry(folder: Path, held: Result, said: Submission) -> None:
    """Write an entry's folder."""
    held.write(folder)
    write_whole(folder / "submission.json", said.to_json().encode())

"""Find the classes that fall first under a distortion, and the classes they are then taken for.

Both questions are asked of the photographs that a network recognises when they are clean, so that a
class that is hard anyway does not count as one that falls. The tests use exact distributions of
drawing photographs without replacement. Their p values are corrected by Holm's method, since some
of 1,000 classes look special by chance.
"""

import math
from collections import Counter
from functools import cache
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imagenetq.entry_scores import FiniteModel, Share
from imagenetq.errors import EntryError
from imagenetq.evaluate.results.scores import scored_columns
from imagenetq.evaluate.results.statistics import holm, tidy
from imagenetq.predictions import Predictions
from imagenetq.specification import CLEAN, LADDERS

MOST_PER_CLASS = 50
"""Number of photographs of each class in ImageNet's validation set."""

MOST_CONFUSIONS = 100
"""Largest number of confusions that are listed for a distortion."""


class ClassFall(FiniteModel):
    """What one distortion leaves of one class."""

    label: int
    """Index of the class, 0 to 999."""

    n_images: int
    """Number of the class's photographs that were recognised clean."""

    kept: Share
    """Mean over these photographs of the share of scored levels at which each is recognised."""

    p: Share
    """Probability of so small a `kept`, or a smaller one, if the class's photographs were drawn at
    random from all that were recognised clean."""

    p_holm: Share
    """`p` corrected by Holm's method over all classes and distortions of the network."""


class Confusion(FiniteModel):
    """A confusion that a distortion creates: photographs of one class taken for another."""

    label: int
    """Index of the class that the photographs show, 0 to 999."""

    answer: int
    """Index of the class that they are taken for, 0 to 999."""

    n_images: int
    """Number of photographs of class `label` that were recognised clean."""

    n_taken: int
    """Number of these photographs that are taken for `answer` at some scored level."""

    n_answers: int
    """Number of their images, over all scored levels, that are taken for `answer`."""

    share_of_others: Share
    """Share of other classes' photographs recognised clean that are taken for `answer` at some
    scored level; neither class `label` nor `answer` counts here."""

    p: Share
    """Probability of so large an `n_taken`, or a larger one, if the class's photographs were drawn
    at random from all recognised clean that are not of class `answer`."""

    p_holm: Share
    """`p` corrected by Holm's method over all pairs of a class and an answer, of all
    distortions."""


class DistortionClasses(FiniteModel):
    """What one distortion does to the classes."""

    kept: Share
    """Mean over all photographs recognised clean of the share of scored levels at which each is
    recognised."""

    falls: tuple[ClassFall, ...]
    """All classes with a photograph recognised clean, in the order of `kept`, the smallest
    first."""

    confusions: tuple[Confusion, ...]
    """The confusions that the distortion creates, in the order of `p`, the smallest first; at most
    `MOST_CONFUSIONS`."""


_AnyTest = TypeVar("_AnyTest", ClassFall, Confusion)


class Classes(FiniteModel):
    """A network's classes under the distortions."""

    n_images: int
    """Number of photographs recognised clean."""

    n_falls: int
    """Number of tests of classes, over all distortions."""

    n_confusions: int
    """Number of tests of pairs of a class and an answer, over all distortions."""

    distortions: dict[str, DistortionClasses]
    """The distortions of which all scored levels were evaluated; empty if clean was not evaluated,
    or no clean image was recognised."""


def class_scores(predictions: Predictions) -> Classes:
    """Find which classes fall first under each distortion, and which confusions it creates."""
    label, size = Counter(predictions.labels.tolist()).most_common(1)[0]
    if size > MOST_PER_CLASS:
        raise EntryError(
            f"{size} photographs are of class {label}, but ImageNet's validation set has "
            f"{MOST_PER_CLASS} of each: these classes are not looked at one by one"
        )
    clean = predictions.column(CLEAN)
    if clean is None:
        return Classes(n_images=0, n_falls=0, n_confusions=0, distortions={})
    known = predictions.of_images(predictions.correct(1)[:, clean])
    columns = {
        ladder.distortion: levels
        for ladder in LADDERS
        if known.n_images and (levels := scored_columns(predictions, ladder.distortion)) is not None
    }
    falls = {name: _falls(known, levels) for name, levels in columns.items()}
    tested = {name: _confusions(known, levels) for name, levels in columns.items()}
    confusions = {name: listed for name, (listed, _) in tested.items()}
    n_falls, n_confusions = sum(map(len, falls.values())), sum(n for _, n in tested.values())
    falls, confusions = _corrected(falls, n_falls), _corrected(confusions, n_confusions)
    return Classes(
        n_images=known.n_images,
        n_falls=n_falls,
        n_confusions=n_confusions,
        distortions={
            name: DistortionClasses(
                kept=tidy(float(known.correct(1)[:, levels].mean())),
                falls=tuple(sorted(falls[name], key=lambda one: (one.kept, one.p, one.label))),
                confusions=tuple(
                    sorted(
                        confusions[name],
                        key=lambda one: (one.p, -one.n_answers, one.label, one.answer),
                    )[:MOST_CONFUSIONS]
                ),
            )
            for name, levels in columns.items()
        },
    )


def draw_ways(values: NDArray[np.int64], most: int) -> list[NDArray[np.object_]]:
    """Count the ways in which numbers drawn without replacement reach each sum.

    The numbers to draw from are whole and 0 or more, of shape (n,). The result has, for each count
    drawn from 0 to `most`, the exact number of ways to reach each sum, from 0.
    """
    length = most * int(values.max()) + 1
    ways = [np.zeros(length, np.object_) for _ in range(most + 1)]
    ways[0][0] = 1
    for value, count in sorted(Counter(values.tolist()).items()):
        # Downwards, so that the ways read here do not use this value yet.
        for drawn in range(most, 0, -1):
            for taken in range(1, min(drawn, count) + 1):
                shift = taken * value
                chosen = ways[drawn - taken][: length - shift]
                ways[drawn][shift:] += chosen * math.comb(count, taken)
    return ways


@cache
def upper_tail(n_all: int, n_special: int, n_drawn: int, least: int) -> float:
    """Compute the chance that of `n_drawn` items at least `least` are special.

    They are drawn without replacement from `n_all`, of which `n_special` are special: this is the
    upper tail of the hypergeometric distribution.
    """
    ways = sum(
        math.comb(n_special, k) * math.comb(n_all - n_special, n_drawn - k)
        for k in range(least, min(n_special, n_drawn) + 1)
    )
    return ways / math.comb(n_all, n_drawn)


def _falls(known: Predictions, columns: list[int]) -> list[ClassFall]:
    kept = known.correct(1)[:, columns].sum(axis=1)
    sizes = np.bincount(known.labels)
    ways = draw_ways(kept, int(sizes.max()))
    sums = np.bincount(known.labels, weights=kept).astype(np.int64)
    return [
        ClassFall(
            label=label,
            n_images=size,
            kept=tidy(total / (size * len(columns))),
            p=tidy(sum(ways[size][: total + 1]) / math.comb(len(kept), size)),
            p_holm=1.0,
        )
        for label, (size, total) in enumerate(zip(sizes.tolist(), sums.tolist(), strict=True))
        if size
    ]


def _confusions(known: Predictions, columns: list[int]) -> tuple[list[Confusion], int]:
    """List a distortion's confusions, and count the pairs of a class and an answer tested."""
    n = known.n_images
    image = np.repeat(np.arange(n), len(columns))
    answers = known.top5_class[:, columns, 0].astype(np.int64).ravel()
    wrong = answers != known.labels[image]
    # A photograph counts once for an answer, since levels are no independent draws.
    given = np.stack([image, answers], axis=1)[wrong]
    taken, times = np.unique(given, axis=0, return_counts=True)
    sizes = Counter(known.labels.tolist())
    drawn = Counter(taken[:, 1].tolist())
    named = list(zip(known.labels[taken[:, 0]].tolist(), taken[:, 1].tolist(), strict=True))
    pairs = Counter(named)
    levels: Counter[tuple[int, int]] = Counter()
    for pair, count in zip(named, times.tolist(), strict=True):
        levels[pair] += count
    confusions = []
    for (label, answer), count in sorted(pairs.items()):
        could_be = n - sizes[answer]
        others = could_be - sizes[label]
        confusions.append(
            Confusion(
                label=label,
                answer=answer,
                n_images=sizes[label],
                n_taken=count,
                n_answers=levels[label, answer],
                share_of_others=tidy((drawn[answer] - count) / others) if others else 0.0,
                p=tidy(upper_tail(could_be, drawn[answer], sizes[label], count)),
                p_holm=1.0,
            )
        )
    return confusions, sum(len(sizes) - (answer in sizes) for answer in drawn)


def _corrected(tests: dict[str, list[_AnyTest]], n_tests: int) -> dict[str, list[_AnyTest]]:
    p = holm(np.array([one.p for one in chain.from_iterable(tests.values())]), n_tests)
    corrected = iter(p.tolist())
    return {
        name: [one.model_copy(update={"p_holm": tidy(next(corrected))}) for one in of_distortion]
        for name, of_distortion in tests.items()
    }

"""Every score, against a plain second implementation, by hand, and by its properties."""

from fractions import Fraction

import numpy as np
import pytest

from fake_predictions import ALL, columns, random_predictions
from imagenetq.entry_scores import Scores
from imagenetq.evaluate.results.scores import (
    UNDISTORTED,
    calibration_error,
    compute_scores,
    crossing,
)
from imagenetq.predictions import Predictions
from imagenetq.rendering import render
from imagenetq.specification import LADDERS, scored_variants

DISTORTIONS = [ladder.distortion for ladder in LADDERS]
SCORED = [v.name for v in scored_variants()]
JPEG = ("clean", *(f"jpeg-{q}" for q in range(20, 1, -2)))


def of_counts(counts: dict[str, int], n: int) -> Predictions:
    """Predictions of n images with the given number of correct answers a variant."""
    names = tuple(name for name in ALL if name in counts)
    rank = np.array([[1 if i < counts[name] else 9 for name in names] for i in range(n)])
    return Predictions.from_columns(columns(rank, names))


class Plain:
    """The definitions again, in loops over the file's rows."""

    def __init__(self, predictions: Predictions) -> None:
        self.rows = predictions.table().to_pylist()
        self.images = sorted({row["image_id"] for row in self.rows})

    def hits(self, names: list[str], images: list[str] | None = None) -> float:
        kept = [
            row["top5_class"][0] == row["label"]
            for row in self.rows
            if row["variant"] in names and (images is None or row["image_id"] in images)
        ]
        return sum(kept) / len(kept)

    def distortion(self, name: str, images: list[str] | None = None) -> float:
        levels = [v.name for v in scored_variants() if v.distortion == name]
        return sum(self.hits([level], images) for level in levels) / len(levels)

    def score(self, images: list[str] | None = None) -> float:
        return sum(self.distortion(name, images) for name in DISTORTIONS) / 5

    def calibration_error(self, names: list[str]) -> float:
        bins: dict[int, list[tuple[float, bool]]] = {}
        rows = [row for row in self.rows if row["variant"] in names]
        for row in rows:
            confidence = Fraction(row["top5_probability"][0])
            place = next(b for b in range(1, 16) if confidence <= Fraction(b, 15))
            right = row["top5_class"][0] == row["label"]
            bins.setdefault(place, []).append((float(confidence), right))
        return sum(
            len(held)
            / len(rows)
            * abs(np.mean([r for _, r in held]) - np.mean([c for c, _ in held]))
            for held in bins.values()
        )


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    return random_predictions(60)


@pytest.fixture(scope="module")
def scores(predictions) -> Scores:
    return compute_scores(predictions)


@pytest.fixture(scope="module")
def plain(predictions) -> Plain:
    return Plain(predictions)


def test_top_1_and_top_5(scores, plain):
    for name in ALL:
        rows = [row for row in plain.rows if row["variant"] == name]
        top5 = sum(row["label"] in row["top5_class"] for row in rows) / 60
        assert scores.variants[name].top1.value == pytest.approx(plain.hits([name]), rel=1e-9)
        assert scores.variants[name].top5.value == pytest.approx(top5, rel=1e-9)


def test_true_confidence(scores, plain):
    values = [row["true_probability"] for row in plain.rows if row["variant"] == "noise-30"]
    got = scores.variants["noise-30"].true_confidence
    assert got.value == pytest.approx(np.mean(values), rel=1e-9)
    assert got.standard_error == pytest.approx(np.std(values, ddof=1) / 60**0.5, rel=1e-8)


def test_calibration(scores, plain):
    for name in ("clean", "blur-4", "jpeg2000-20"):
        expected = plain.calibration_error([name])
        assert scores.variants[name].calibration_error == pytest.approx(expected, rel=1e-9)
    assert scores.calibration_error == pytest.approx(plain.calibration_error(SCORED), rel=1e-9)


def test_the_score_is_the_mean_of_the_distortions_means(scores, plain):
    for name in DISTORTIONS:
        assert scores.distortions[name].mean.value == pytest.approx(plain.distortion(name))
    assert scores.score.value == pytest.approx(plain.score(), rel=1e-9)
    relative = plain.score() / plain.hits(["clean"])
    assert scores.relative_score.value == pytest.approx(relative, rel=1e-9)
    assert scores.score_name == "imagenet-q-score-1"


def test_every_distortion_counts_a_fifth():
    counts = dict.fromkeys(ALL, 0) | {"clean": 10}
    blurred = counts | {name: 10 for name in ALL if name.startswith("blur")}
    got = compute_scores(of_counts(blurred, 10))
    assert (got.score.value, got.relative_score.value) == (0.2, 0.2)
    grey = counts | {"contrast-1.0": 10, "contrast-0.0": 10}
    assert compute_scores(of_counts(grey, 10)).score.value == 0


def test_by_hand():
    # Two images; one is recognised everywhere, one only clean and at the first level of each.
    rank = np.full((2, 52), 1)
    firsts = ["clean", "blur-1", "noise-10", "contrast-0.9", "jpeg-20", "jpeg2000-40"]
    rank[1] = [1 if name in firsts else 6 for name in ALL]
    got = compute_scores(Predictions.from_columns(columns(rank)))
    means = {name: got.distortions[name].mean.value for name in DISTORTIONS}
    assert means == {
        "blur": tidy(Fraction(10, 18)),
        "noise": tidy(Fraction(11, 20)),
        "contrast": tidy(Fraction(10, 18)),
        "jpeg": tidy(Fraction(11, 20)),
        "jpeg2000": tidy(Fraction(12, 22)),
    }
    second = (Fraction(2, 9) + Fraction(2, 10) + Fraction(1, 11)) / 5
    assert got.score.value == got.relative_score.value == tidy((1 + second) / 2)
    # Of two values the standard error is half their distance; the clean values are equal.
    assert got.score.standard_error == tidy((1 - second) / 2)
    assert got.relative_score.standard_error == tidy((1 - second) / 2)
    assert got.distortions["blur"].falls_to_90.value == 1.2
    assert got.distortions["blur"].falls_to_50.value == 2
    assert got.distortions["contrast"].falls_to_90.value == 0.88
    assert got.distortions["jpeg"].falls_to_50.value == 18


def tidy(value: Fraction) -> float:
    return float(f"{float(value):.10g}")


def test_the_bootstrap_agrees_with_the_standard_errors():
    made = random_predictions(300, seed=5)
    got = compute_scores(made)
    generator = np.random.default_rng(0)
    correct = made.correct(1)
    places = [
        [made.variants.index(v) for v in SCORED if v.startswith(f"{d}-")] for d in DISTORTIONS
    ]
    values = np.stack([correct[:, held].mean(axis=1) for held in places])
    rows = generator.integers(0, 300, (3000, 300))
    means = values[:, rows].mean(axis=2)
    clean = correct[:, 0][rows].mean(axis=1)
    assert got.score.standard_error == pytest.approx(means.mean(axis=0).std(), rel=0.05)
    relative = means.mean(axis=0) / clean
    assert got.relative_score.standard_error == pytest.approx(relative.std(), rel=0.05)
    for name, resampled in zip(DISTORTIONS, means, strict=True):
        error = got.distortions[name].mean.standard_error
        assert error == pytest.approx(resampled.std(), rel=0.05)


CROSSINGS = [
    # clean, the ten JPEG qualities 20 .. 2, share in per cent: place and value
    (100, [95, 91, 89, 80, 70, 60, 50, 40, 30, 20], 90, "on the ladder", 17.0),
    (100, [95, 90, 90, 80, 70, 60, 50, 40, 30, 20], 90, "on the ladder", 18.0),
    (100, [90, 90, 90, 80, 70, 60, 50, 40, 30, 20], 90, "on the ladder", 20.0),
    (100, [89, 95, 95, 95, 95, 95, 95, 95, 95, 95], 90, "below the first", None),
    (100, [99, 95, 95, 95, 95, 95, 95, 95, 95, 91], 90, "beyond the last", None),
    (100, [99, 95, 95, 95, 95, 95, 95, 95, 95, 90], 90, "on the ladder", 2.0),
    (100, [95, 85, 95, 85, 95, 85, 95, 85, 95, 85], 90, "on the ladder", 19.0),
    (100, [100] * 9 + [0], 50, "on the ladder", 3.0),
    (100, [100] * 10, 50, "beyond the last", None),
    (100, [50, 0, 0, 0, 0, 0, 0, 0, 0, 0], 50, "on the ladder", 20.0),
    (7, [7, 7, 7, 7, 7, 6, 5, 4, 3, 2], 90, "on the ladder", 10.6),
]


@pytest.mark.parametrize(("clean", "counts", "share", "place", "value"), CROSSINGS)
def test_first_crossing(clean, counts, share, place, value):
    made = of_counts(dict(zip(JPEG, [clean, *counts], strict=True)), 100)
    got = crossing(made, "jpeg", Fraction(share, 100))
    assert (got.place, got.value) == (place, value)


def test_blur_noise_and_contrast_start_at_the_clean_image():
    counts = dict.fromkeys(ALL, 80) | {"clean": 100, "contrast-1.0": 100}
    made = of_counts(counts, 100)
    values = {name: crossing(made, name, Fraction(9, 10)) for name in DISTORTIONS}
    assert values["blur"].value == 0.5
    assert values["noise"].value == 5
    assert values["contrast"].value == 0.95
    assert values["jpeg"].place == values["jpeg2000"].place == "below the first"
    assert all(crossing(made, name, Fraction(1, 2)).value is None for name in DISTORTIONS)


def test_chance_at_contrast_0_is_no_rung():
    counts = dict.fromkeys(ALL, 100) | {"contrast-0.0": 0}
    got = crossing(of_counts(counts, 100), "contrast", Fraction(1, 2))
    assert got.place == "beyond the last"


def test_the_undistorted_parameters_leave_the_image_as_it_is():
    assert set(UNDISTORTED) < set(DISTORTIONS)
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert (render(image, "contrast-1.0") == image).all()


def test_nothing_is_relative_to_a_model_that_recognises_nothing():
    got = compute_scores(of_counts(dict.fromkeys(ALL, 0), 10))
    assert got.relative_score is None
    assert got.score.value == 0
    assert got.distortions["blur"].falls_to_90 is None


def test_some_variants_give_some_scores():
    names = ("clean", *(name for name in ALL if name.startswith("blur-")), "jpeg-20")
    whole = compute_scores(random_predictions(40))
    rank = random_predictions(40)
    part = compute_scores(_only(rank, names))
    assert part.variants == {name: whole.variants[name] for name in names}
    assert part.distortions["blur"] == whole.distortions["blur"]
    assert part.distortions["jpeg"].mean is part.distortions["jpeg"].falls_to_50 is None
    assert part.score is part.relative_score is part.calibration_error is None
    assert part.sizes[0].clean == whole.sizes[0].clean
    assert part.sizes[0].distortions["blur"] == whole.sizes[0].distortions["blur"]
    assert part.sizes[0].score is None


def test_without_clean_nothing_is_relative():
    whole = compute_scores(random_predictions(40))
    part = compute_scores(_only(random_predictions(40), ALL[1:]))
    assert part.score == whole.score
    assert part.relative_score is None
    assert part.distortions["blur"].mean == whole.distortions["blur"].mean
    assert part.distortions["blur"].falls_to_90 is None
    assert part.sizes[0].clean is part.sizes[0].relative_score is None


def test_contrast_1_is_not_needed():
    whole = compute_scores(random_predictions(40))
    part = compute_scores(
        _only(random_predictions(40), tuple(n for n in ALL if n != "contrast-1.0"))
    )
    assert part.model_copy(update={"variants": whole.variants}) == whole


def _only(predictions: Predictions, names: tuple[str, ...]) -> Predictions:
    rows = predictions.table().to_pydict()
    kept = [i for i, name in enumerate(rows["variant"]) if name in names]
    return Predictions.from_columns(
        {name: [values[i] for i in kept] for name, values in rows.items()}
    )


SIZES = [
    ([1, 2, 3, 4, 5, 6], [(1, 2, 2), (3, 4, 2), (5, 6, 2)]),
    ([6, 5, 4, 3, 2, 1, 7], [(1, 3, 3), (4, 5, 2), (6, 7, 2)]),
    ([375, 375, 375, 375, 333, 500], [(333, 375, 5), (500, 500, 1)]),
    ([300, 333, 375, 375, 375, 375], [(300, 333, 2), (375, 375, 4)]),
    ([375, 375, 375], [(375, 375, 3)]),
    ([9], [(9, 9, 1)]),
]


@pytest.mark.parametrize(("sides", "expected"), SIZES)
def test_terciles_keep_images_of_one_size_together(sides, expected):
    rank = np.ones((len(sides), 1), int)
    made = Predictions.from_columns(columns(rank, ("clean",), short_sides=np.array(sides)))
    got = compute_scores(made).sizes
    assert [(size.smallest, size.largest, size.n_images) for size in got] == expected


def test_scores_by_size(predictions, scores, plain):
    sides = dict(zip(predictions.image_ids, predictions.short_sides.tolist(), strict=True))
    assert sum(size.n_images for size in scores.sizes) == 60
    for size in scores.sizes:
        images = [i for i, side in sides.items() if size.smallest <= side <= size.largest]
        assert size.n_images == len(images)
        assert size.score.value == pytest.approx(plain.score(images), rel=1e-9)
        assert size.clean.value == pytest.approx(plain.hits(["clean"], images), rel=1e-9)
        assert size.distortions["jpeg"].value == pytest.approx(plain.distortion("jpeg", images))


def test_confidences_on_a_bins_edge_fall_below_it():
    edges = np.array([0, 3 / 15, np.nextafter(np.float32(0.2), 1), 1], np.float32)
    right = np.array([False, True, False, True])
    # float32's 0.2 is a little above 3/15, and so in the fourth bin with its neighbour.
    fourth = abs(1 - float(edges[1]) - float(edges[2]))
    assert calibration_error(edges, right) == pytest.approx(fourth / 4, rel=1e-9)
    exact = np.array([1 / 3, 0.6], np.float64)  # bins 5 and 9, exactly at their upper edges
    assert calibration_error(exact, np.array([True, False])) == pytest.approx((2 / 3 + 0.6) / 2)


def test_a_model_that_knows_how_sure_it_is_has_no_calibration_error():
    confidence = np.full(10, 0.5, np.float32)
    assert calibration_error(confidence, np.arange(10) < 5) == 0
    assert calibration_error(np.ones(4, np.float32), np.zeros(4, bool)) == 1

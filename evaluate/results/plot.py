"""Plot accuracy against each distortion's parameter, as Fig. 2 of Dodge & Karam 2016 does."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from imagenetq.entry_scores import Estimate, Proportion, Scores
from imagenetq.evaluate.results.names import level_names
from imagenetq.evaluate.results.paper_curves import Metric
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import CLEAN, LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Score = TypeVar("_Score")

# Colour-blind people can tell Okabe and Ito's colours apart; markers help in grey prints.
_STYLES: dict[Metric, dict[str, Any]] = {
    "top5": {"label": "top-5", "color": "#D55E00", "marker": "s", "linestyle": "--"},
    "top1": {"label": "top-1", "color": "#0072B2", "marker": "o", "linestyle": "-"},
}
_AXES = {
    "blur": "blur, sigma (pixels)",
    "noise": "noise, sigma (grey levels)",
    "contrast": "contrast, factor",
    "jpeg": "JPEG, quality",
    "jpeg2000": "JPEG 2000, PSNR (dB)",
}


def plot_curves(scores: Scores, title: str) -> "Figure":
    """Plot five panels, each from mild on the left to strong on the right.

    The lines are top-1 and top-5 accuracy, the bands their 95 % Wilson intervals, and the dotted
    line is top-1 accuracy on clean images. Levels that were not evaluated are left out.
    """
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(LADDERS), figsize=(16, 3.6), sharey=True)
    for panel, ladder in zip(axes, LADDERS, strict=True):
        _draw(panel, ladder, scores)
    axes[0].set_ylabel("accuracy")
    axes[0].set_ylim(0, 1)
    axes[-1].legend(loc="best")
    # A model's name may hold a dollar sign, which would begin a formula.
    figure.suptitle(title, parse_math=False)
    figure.tight_layout()
    # A notebook would show an open figure twice: by itself, and as the cell's value.
    plt.close(figure)
    return figure


def points(ladder: Ladder, variants: Mapping[str, _Score | None]) -> list[tuple[float, _Score]]:
    """List a curve's points from mild to strong: the parameter, and the variant's score there.

    The clean image comes first where the distortion has a parameter for it. Levels that were not
    evaluated are left out.
    """
    names = dict(zip(ladder.values, level_names(ladder), strict=True))
    if ladder.distortion in UNDISTORTED:
        start = UNDISTORTED[ladder.distortion]
        # The ladder of contrast has this level, too, which would draw the clean image twice.
        names.pop(start, None)
        names = {start: CLEAN} | names
    scores = {value: variants.get(name) for value, name in names.items()}
    return [(float(value), score) for value, score in scores.items() if score is not None]


def accuracies(scores: Scores, metric: Metric) -> dict[str, Proportion]:
    """List the top-1 or top-5 accuracy of each variant evaluated."""
    of = scores.variants
    return {name: one.top1 if metric == "top1" else one.top5 for name, one in of.items()}


def draw_curve(
    panel: Any,
    curve: Sequence[tuple[float, Proportion | Estimate]],
    *,
    band: float,
    scale: float = 1,
    **style: Any,
) -> None:
    """Draw a line through a curve's points, and their 95 % intervals as a band of an opacity.

    Scores are multiplied by `scale`, such as 100 for per cent; `style` is the line's.
    """
    values, scores = [value for value, _ in curve], [score for _, score in curve]
    panel.plot(values, [scale * score.value for score in scores], **style)
    low = [scale * (score.value if score.low is None else score.low) for score in scores]
    high = [scale * (score.value if score.high is None else score.high) for score in scores]
    panel.fill_between(values, low, high, color=style["color"], alpha=band, linewidth=0)


def run_from_mild_to_strong(panel: Any, ladder: Ladder) -> None:
    """Set a panel's horizontal axis, which begins at the clean image if it has a parameter."""
    mild, strong = UNDISTORTED.get(ladder.distortion, ladder.values[0]), ladder.values[-1]
    margin = 0.04 * (strong - mild)
    panel.set_xlim(mild - margin, strong + margin)


def _draw(panel: Any, ladder: Ladder, scores: Scores) -> None:
    for metric, style in _STYLES.items():
        draw_curve(
            panel, points(ladder, accuracies(scores, metric)), band=0.2, markersize=4, **style
        )
    if CLEAN in scores.variants:
        panel.axhline(scores.variants[CLEAN].top1.value, color="0.4", linestyle=":", linewidth=1)
    panel.set_xlabel(_AXES[ladder.distortion])
    run_from_mild_to_strong(panel, ladder)
    panel.grid(alpha=0.3)

"""Plot accuracy against each distortion's parameter, as Fig. 2 of Dodge & Karam 2016 does."""

from typing import TYPE_CHECKING, Any

from imagenetq.entry_scores import Proportion, Scores, VariantScores
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import CLEAN, LADDERS, Ladder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colour-blind people can tell Okabe and Ito's colours apart; markers help in grey prints.
_STYLES = {
    "top-5": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    "top-1": {"color": "#0072B2", "marker": "o", "linestyle": "-"},
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


def points(ladder: Ladder, scores: Scores) -> list[tuple[float, VariantScores]]:
    """List a curve's points from mild to strong: the parameter, and the scores there.

    The clean image comes first where the distortion has a parameter for it. Levels that were not
    evaluated are left out.
    """
    names = {value: f"{ladder.distortion}-{value}" for value in ladder.values}
    if ladder.distortion in UNDISTORTED:
        start = UNDISTORTED[ladder.distortion]
        # The ladder of contrast has this level, too, which would draw the clean image twice.
        names.pop(start, None)
        names = {start: CLEAN} | names
    held = scores.variants
    return [(float(value), held[name]) for value, name in names.items() if name in held]


def _draw(panel: Any, ladder: Ladder, scores: Scores) -> None:
    curve = points(ladder, scores)
    values = [value for value, _ in curve]
    for name, style in _STYLES.items():
        shares = [_share(at, name) for _, at in curve]
        panel.plot(values, [share.value for share in shares], label=name, markersize=4, **style)
        low, high = [share.low for share in shares], [share.high for share in shares]
        panel.fill_between(values, low, high, color=style["color"], alpha=0.2, linewidth=0)
    if CLEAN in scores.variants:
        panel.axhline(scores.variants[CLEAN].top1.value, color="0.4", linestyle=":", linewidth=1)
    panel.set_xlabel(_AXES[ladder.distortion])
    mild, strong = UNDISTORTED.get(ladder.distortion, ladder.values[0]), ladder.values[-1]
    margin = 0.04 * (strong - mild)
    panel.set_xlim(mild - margin, strong + margin)
    panel.grid(alpha=0.3)


def _share(scores: VariantScores, name: str) -> Proportion:
    return scores.top1 if name == "top-1" else scores.top5

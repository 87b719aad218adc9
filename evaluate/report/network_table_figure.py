"""Draw Table I as a figure, for slides and for pages that do not show Markdown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagenetq.evaluate.report.network_table import HEADINGS, Summary, cells
from imagenetq.evaluate.report.style import (
    WIDTHS,
    drawable,
    fitted,
    new_figure,
    paper_style,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 72
_SIZE = 7.0
_LINE = 0.17
_HEAD = 0.32
_MARGIN = 0.06
_GAP = 9.0
_LONGEST_NAME = 150.0
_RULES = {"top": 0.9, "middle": 0.5, "bottom": 0.9}


@paper_style()
def table1_picture(rows: Sequence[Summary]) -> "Figure":
    """Draw the rows that `table1` gives, ruled as in a paper.

    The figure is as wide as a page of two columns, or wider if the texts need it.
    """
    texts = [[fitted(row[0], _LONGEST_NAME, _SIZE), *row[1:]] for row in cells(rows)]
    heads = [_broken(heading) for heading in HEADINGS]
    widths = [
        max(text_width(line, _SIZE) for line in [*head.split("\n"), *(row[place] for row in texts)])
        for place, head in enumerate(heads)
    ]
    needed = sum(widths) + _GAP * (len(widths) - 1)
    width = max(WIDTHS[2], needed / _POINTS + 2 * _MARGIN)
    gap = (width * _POINTS - 2 * _MARGIN * _POINTS - sum(widths)) / (len(widths) - 1)
    height = _HEAD + len(rows) * _LINE + 0.14
    figure = new_figure(width, height)
    left = _MARGIN * _POINTS
    for place, (head, column) in enumerate(zip(heads, widths, strict=True)):
        side = "left" if place == 0 else "right"
        x = (left if place == 0 else left + column) / _POINTS / width
        for line, text in enumerate(head.split("\n")):
            y = 1 - (0.14 + line * 0.12) / height
            figure.text(x, y, text, size=_SIZE, ha=side)
        for number, row in enumerate(texts):
            y = 1 - (_HEAD + 0.07 + (number + 0.5) * _LINE) / height
            text = drawable(row[place])
            figure.text(x, y, text, size=_SIZE, ha=side, va="center_baseline")
        left += column + gap
    _rule(figure, 1 - 0.015 / height, _RULES["top"])
    _rule(figure, 1 - (_HEAD + 0.04) / height, _RULES["middle"])
    _rule(figure, 0.015 / height, _RULES["bottom"])
    return figure


def _broken(heading: str) -> str:
    """Break a heading before its last word, so that its column is narrower."""
    before, space, after = heading.rpartition(" ")
    return f"{before}\n{after}" if space else heading


def _rule(figure: "Figure", y: float, linewidth: float) -> None:
    from matplotlib.lines import Line2D

    ends = [_MARGIN / figure.get_figwidth(), 1 - _MARGIN / figure.get_figwidth()]
    figure.add_artist(Line2D(ends, [y, y], color="black", linewidth=linewidth))

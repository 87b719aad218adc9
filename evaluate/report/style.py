"""Define how the report's figures look, in one style that is fit for print, and save them.

Colours are Okabe and Ito's, which colour-blind people can tell apart. Markers and line styles
differ, too, so that a grey print can be read. Sizes are those of a two-column paper.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from imagenetq.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = Literal[1, 2]

WIDTHS: dict[Columns, float] = {1: 3.5, 2: 7.16}
"""Widths of figures in inches: one column of an IEEE paper, and both with the space between."""

POINTS = 72
"""Points in an inch, in which fonts are measured."""

DPI = 240
"""Dots per inch of the PNG files, and of images in the PDF files."""

GREY = "#666666"
RIGHT, WRONG = "#0072B2", "#D55E00"

LEGEND: dict[str, Any] = {"borderaxespad": 0, "borderpad": 0.2, "labelspacing": 0.3}

_LEGEND_A_LINE: dict[Columns, int] = {1: 1, 2: 3}
_KEYS_A_LINE: dict[Columns, int] = {1: 2, 2: 4}
_KEY_LINE = 0.13

_FONT = "DejaVu Sans"
# Okabe and Ito's eighth colour, yellow, is left out: a thin yellow line is lost on paper.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))

_STYLE: dict[str, Any] = {
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 7.5,
    "figure.dpi": 150,
    "font.family": _FONT,
    "font.size": 7,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.0,
    "lines.markersize": 2.5,
    # TrueType, so that text stays text; matplotlib's default, Type 3, does not promise that.
    "pdf.fonttype": 42,
    "xtick.labelsize": 6.5,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.labelsize": 6.5,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Make and save figures within the context in the report's style, whatever the user's is."""
    from matplotlib import style

    with style.context(["default", _STYLE]):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Make an empty figure of a size in inches, of which pyplot's global state knows nothing."""
    return _figure_class()(figsize=(width, height))


def line_style(number: int) -> dict[str, Any]:
    """Give a network's colour, marker and line style by its number; the first 315 differ."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _LINES[number % len(_LINES)],
    }


def marker_style(number: int) -> dict[str, Any]:
    """Give a network's look as a marker with an error bar, without a line."""
    return line_style(number) | {"linestyle": "none"}


def draw_errors(panel: Any, number: int, x: float, y: float, **errors: Any) -> None:
    """Draw a network's marker with its error bars, as `errorbar` takes them."""
    panel.errorbar([x], [y], **errors, **marker_style(number), elinewidth=0.8, capsize=2)


def error_bar(value: float, low: float | None, high: float | None) -> list[list[float]] | None:
    """Give the interval around a share as `errorbar` takes it, in per cent; None if none."""
    if low is None or high is None:
        return None
    return [[100 * value - 100 * low], [100 * high - 100 * value]]


def draw_grid(panel: Any, axis: str = "both") -> None:
    """Draw a faint grid beneath what a panel shows."""
    panel.grid(color="0.9", linewidth=0.5, axis=axis)
    panel.set_axisbelow(True)


def draw_shares(
    panel: Any, shares: Any, write: Callable[[float], str], size: float, **layout: Any
) -> None:
    """Draw a matrix of shares as blue cells, and in each the text that `write` makes of it."""
    import numpy as np

    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, **layout)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.6 else "black"
        text = write(share)
        if text:
            panel.text(column, row, text, ha="center", va="center", size=size, color=colour)


def write_instead(panel: Any, text: str) -> None:
    """Write in the middle of a panel why it shows nothing."""
    middle = {"ha": "center", "va": "center", "transform": panel.transAxes}
    panel.text(0.5, 0.5, text, color=GREY, **middle)


def legend_lines(n: int, columns: Columns) -> int:
    """Count the lines of `draw_legend` for n networks."""
    return -(-n // _LEGEND_A_LINE[columns])


def draw_legend(
    figure: "Figure",
    names: Sequence[str],
    styles: Sequence[dict[str, Any]],
    columns: Columns,
    *,
    handle: float,
    **layout: Any,
) -> None:
    """Draw a legend of networks, whose names are cut to the room that they have.

    Each line or marker takes `handle` inches; `layout` goes to matplotlib's `legend`.
    """
    from matplotlib.lines import Line2D

    across = min(_LEGEND_A_LINE[columns], len(names))
    room = POINTS * (WIDTHS[columns] / across - handle)
    figure.legend(
        [Line2D([], [], **style) for style in styles],
        [shortened(name, room, 6.5) for name in names],
        ncols=across,
        **LEGEND,
        **layout,
    )


def key_height(n: int, columns: Columns) -> float:
    """Compute the height in inches that `draw_key` needs for n entries."""
    return -(-n // _KEYS_A_LINE[columns]) * _KEY_LINE + 0.05


def draw_key(
    figure: "Figure", entries: Sequence[tuple[str, dict[str, Any] | None]], columns: Columns
) -> None:
    """Write at the foot of a figure what its letters and lines stand for.

    Each entry is a text with the look of the line that it explains; None if it explains none.
    """
    from matplotlib.lines import Line2D

    a_line, (width, height) = _KEYS_A_LINE[columns], figure.get_size_inches()
    lines = -(-len(entries) // a_line)
    for number, (text, style) in enumerate(entries):
        line, column = divmod(number, a_line)
        left = column * width / a_line
        y = (0.05 + (lines - 1 - line) * _KEY_LINE) / height
        if style is not None:
            ends = [(left + 0.06) / width, (left + 0.34) / width]
            middle = y + 0.03 / height
            figure.add_artist(Line2D(ends, [middle, middle], **style))
        start = left + (0.06 if style is None else 0.4)
        room = POINTS * (left + width / a_line - start - 0.05)
        figure.text(start / width, y, shortened(text, room, 6.5), size=6.5)


def shortened(text: str, points: float, size: float) -> str:
    """Make a text from anyone safe to draw, and cut it as `fitted` does."""
    return drawable(fitted(text, points, size))


def drawable(text: str) -> str:
    """Make a text from anyone safe for matplotlib to draw: no formulas, no missing glyphs."""
    return _known(text).replace("$", r"\$")


def fitted(text: str, points: float, size: float) -> str:
    """Cut a text to a width in points; an ellipsis at its end shows that something is missing.

    The font's size is in points, too.
    """
    if text_width(text, size) <= points:
        return text
    while text and text_width(f"{text}…", size) > points:
        text = text[:-1].rstrip(" ,/-")
    return f"{text}…"


def text_width(text: str, size: float) -> float:
    """Measure the width of a text in points; the font's size is in points, too."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=_FONT, size=size, weight="normal")
    size_of = text_to_path.get_text_width_height_descent
    width: float = size_of(_known(text), font, ismath=False)[0]
    return width


def _known(text: str) -> str:
    return "".join(c if ord(c) in _glyphs() else "\N{REPLACEMENT CHARACTER}" for c in text)


def save(figure: "Figure", folder: Path, name: str) -> list[Path]:
    """Write a figure as `name.png` and `name.pdf`, and give their paths in this order.

    The same figure gives the same bytes. The PDF's fonts are embedded as TrueType, so that its text
    can be searched and copied.

    Raises:
        OSError: the folder cannot be written.
    """
    contents = {folder / f"{name}.{kind}": content for kind, content in encoded(figure).items()}
    for path, content in contents.items():
        write_whole(path, content)
    return list(contents)


def encoded(figure: "Figure") -> dict[str, bytes]:
    """Give the bytes of a figure as `png` and as `pdf`, in this order."""
    # A date in the PDF would make its bytes differ every time.
    undated: dict[str, dict[str, Any]] = {"png": {}, "pdf": {"CreationDate": None}}
    contents = {}
    for kind, metadata in undated.items():
        buffer = BytesIO()
        with paper_style():
            figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata, facecolor="white")
        contents[kind] = buffer.getvalue()
    return contents


@cache
def _figure_class() -> "type[Figure]":
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        """A figure that a notebook shows, though pyplot does not know it."""

        def _repr_png_(self) -> bytes:
            buffer = BytesIO()
            with paper_style():
                self.savefig(buffer, format="png", facecolor="white")
            return buffer.getvalue()

    return NotebookFigure


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=_FONT))).get_charmap())

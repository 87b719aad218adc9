"""Draw images in a grid, each with the networks' answers beneath: the body of Figures 1 and 3."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imagenetq.distortions import Pixels
from imagenetq.evaluate.report import style
from imagenetq.evaluate.report.markup import key_letter
from imagenetq.evaluate.report.pictures import Answer
from imagenetq.evaluate.results.names import class_word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP = 0.09
_RIGHT_EDGE = 0.02
_TITLE = 0.15
_LINE = 0.115
_BELOW = 0.09
_SIDE = 0.16
_SIZE = 6.0
_TITLE_SIZE = 6.8
_KEY_LINE = 0.13
_MARK_WIDTH = 7.0
_MARKS = {True: ("✓", style.RIGHT), False: ("✗", style.WRONG)}
_NO_LABEL = 62.0
"""Width in points below which a tile has no room for the class's name, only for the mark and the
confidence."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One image and the answers to it."""

    title: str
    pixels: Pixels
    answers: tuple[Answer | None, ...]
    """Each network's answer; None where it was not evaluated on this variant."""


def draw_tiles(
    rows: Sequence[Sequence[Tile]],
    names: Sequence[str],
    *,
    width: float,
    aspect: float,
    row_titles: Sequence[str] | None = None,
    note: str,
) -> "Figure":
    """Draw rows of tiles, and under them which letter is which network.

    Under an image stands one line per network: its letter, if there are several networks, whether
    it is right (a blue tick or a vermilion cross), the class it names if there is room, and the
    probability it gives to the true class. The note at the foot explains the marks.

    The longest row decides the tiles' width, in a figure `width` inches wide. Images higher than
    `aspect` tile widths are drawn narrower.
    """
    left = 0.02 if row_titles is None else _SIDE
    across = max(len(row) for row in rows)
    tile = (width - left - _RIGHT_EDGE - (across - 1) * _GAP) / across
    box = tile * aspect
    step = _TITLE + box + len(names) * _LINE + _BELOW
    key = _key(names, note, width * style.POINTS)
    height = len(rows) * step + len(key) * _KEY_LINE + 0.04
    figure = style.new_figure(width, height)
    for number, row in enumerate(rows):
        top = height - number * step
        if row_titles is not None:
            middle = (top - _TITLE - box / 2) / height
            upright: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "size": 7.5}
            figure.text(0.07 / width, middle, row_titles[number], **upright)
        for column, shown in enumerate(row):
            start = left + column * (tile + _GAP)
            _draw(figure, shown, start, top, tile, box, is_keyed=len(names) > 1)
    for number, line in enumerate(key):
        bottom = 0.03 + (len(key) - 1 - number) * _KEY_LINE
        figure.text(left / width, bottom / height, style.drawable(line), size=_SIZE, color="black")
    return figure


def _draw(
    figure: "Figure",
    shown: Tile,
    left: float,
    top: float,
    width: float,
    box: float,
    *,
    is_keyed: bool,
) -> None:
    whole_width, whole_height = figure.get_size_inches()
    title = style.shortened(shown.title, width * style.POINTS, _TITLE_SIZE)
    middle = (left + width / 2) / whole_width
    baseline = (top - _TITLE + 0.04) / whole_height
    figure.text(middle, baseline, title, size=_TITLE_SIZE, ha="center")
    high, wide = shown.pixels.shape[:2]
    scale = min(width / wide, box / high)
    drawn_width, drawn_height = wide * scale, high * scale
    panel = figure.add_axes(
        (
            (left + (width - drawn_width) / 2) / whole_width,
            (top - _TITLE - (box + drawn_height) / 2) / whole_height,
            drawn_width / whole_width,
            drawn_height / whole_height,
        )
    )
    panel.imshow(_resized(shown.pixels, drawn_width, drawn_height), interpolation="none")
    panel.set_aspect("auto")
    panel.set_axis_off()
    for number, answer in enumerate(shown.answers):
        line = (top - _TITLE - box - (number + 1) * _LINE + 0.015) / whole_height
        letter = key_letter(number) if is_keyed else ""
        _write(figure, answer, letter, left, line, width)


def _write(
    figure: "Figure", answer: Answer | None, letter: str, left: float, line: float, width: float
) -> None:
    """Write one network's line under a tile."""
    whole, room = figure.get_figwidth(), width * style.POINTS

    def write(text: str, points: float, **look: Any) -> None:
        figure.text((left + points / style.POINTS) / whole, line, text, size=_SIZE, **look)

    write(letter, 0, color=style.GREY)
    points = style.text_width(f"{letter} ", _SIZE) if letter else 0.0
    if answer is None:
        write(style.fitted("not evaluated", room - points, _SIZE), points, color=style.GREY)
        return
    mark, colour = _MARKS[answer.is_right]
    write(mark, points, color=colour)
    confidence = f"{answer.confidence:.2f}"
    write(confidence, room, ha="right")
    points += _MARK_WIDTH
    if room >= _NO_LABEL:
        room -= points + style.text_width(f" {confidence}", _SIZE)
        write(style.shortened(class_word(answer.label), room, _SIZE), points)


def _key(names: Sequence[str], note: str, points: float) -> list[str]:
    """Write which letter is which network, and the note, broken into lines that fit."""
    items = [f"{key_letter(number)}  {name}" for number, name in enumerate(names)]
    keyed = _wrapped(items, "     ", points) if len(names) > 1 else []
    return keyed + _wrapped(note.split(), " ", points)


def _wrapped(items: Sequence[str], gap: str, points: float) -> list[str]:
    lines: list[str] = []
    for item in items:
        longer = f"{lines[-1]}{gap}{item}" if lines else item
        if lines and style.text_width(longer, _SIZE) <= 0.97 * points:
            lines[-1] = longer
        else:
            lines.append(style.fitted(item, 0.97 * points, _SIZE))
    return lines


def _resized(pixels: Pixels, width: float, height: float) -> Pixels:
    """Reduce an image to the pixels that the print shows.

    This saves bytes, and avoids the moiré that a viewer's own resizing may cause.
    """
    size = (max(1, round(width * style.DPI)), max(1, round(height * style.DPI)))
    if size[0] >= pixels.shape[1]:
        return pixels
    # BOX averages only the pixels under each new one, so noise and blocks are smoothed least.
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))

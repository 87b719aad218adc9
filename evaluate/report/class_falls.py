"""Show which classes fall first under a distortion, and what they are taken for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imagenetq.errors import EntryError
from imagenetq.evaluate.report.markup import markdown
from imagenetq.evaluate.report.style import (
    GREY,
    RIGHT,
    WIDTHS,
    WRONG,
    Columns,
    drawable,
    fitted,
    new_figure,
    paper_style,
)
from imagenetq.evaluate.results.format import p_value, percent
from imagenetq.evaluate.results.names import TITLES, class_word
from imagenetq.evaluate.results.per_class import Classes, ClassFall, Confusion, DistortionClasses
from imagenetq.evaluate.results.statistics import SIGNIFICANT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SHOWN = 6
"""Largest number of classes, and of confusions, that are shown for a distortion."""

_ROW = 1.28
_NAME_WIDTH: dict[Columns, float] = {1: 1.45, 2: 1.6}
_FAINT = "0.72"
_SIZE = 6.0


@paper_style()
def classes_figure(classes: Classes, *, columns: Columns = 2) -> "Figure":
    """Draw the classes that fall first under each distortion, and the confusions that it creates.

    Both are about photographs that are recognised clean. A class's bar is the share of levels at
    which its photographs are still recognised; the line is that share over all classes. A
    confusion's bar is the share of a class's photographs that are taken for the other class at some
    level; the tick is that share of all other classes. What is more than chance after Holm's
    correction is coloured.

    Args:
        classes: what `class_scores` found.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        EntryError: no distortion was evaluated at all scored levels and with clean, or no
            photograph is recognised clean.
    """
    if not classes.distortions:
        raise EntryError(
            "classes under distortion need clean, all levels of a distortion, and a photograph "
            "that is recognised clean"
        )
    panels = [
        (distortion, kind) for distortion in classes.distortions for kind in ("falls", "confusions")
    ]
    rows = len(panels) // columns
    height = rows * _ROW
    figure = new_figure(WIDTHS[columns], height)
    for number, (distortion, kind) in enumerate(panels):
        row, place = divmod(number, columns)
        width = WIDTHS[columns] / columns
        left = place * width + _NAME_WIDTH[columns]
        panel = figure.add_axes(
            (
                left / WIDTHS[columns],
                1 - ((row + 1) * _ROW - 0.3) / height,
                (width - _NAME_WIDTH[columns] - 0.12) / WIDTHS[columns],
                (_ROW - 0.52) / height,
            )
        )
        held = classes.distortions[distortion]
        room = 72 * (_NAME_WIDTH[columns] - 0.12)
        if kind == "falls":
            _draw_falls(panel, held, TITLES[distortion], room)
        else:
            _draw_confusions(panel, held, TITLES[distortion], room)
    return figure


def to_markdown(classes: Classes) -> str:
    """Write two tables per distortion in Markdown, and how far they can be trusted."""
    return "\n\n".join(_blocks(classes)) + "\n"


def _blocks(classes: Classes) -> Iterator[str]:
    sure = sum(
        sum(one.p_holm < SIGNIFICANT for one in held.falls)
        + sum(one.p_holm < SIGNIFICANT for one in held.confusions)
        for held in classes.distortions.values()
    )
    yield (
        f"Of {classes.n_images} photographs that are recognised clean. A class is tested against "
        "as many photographs drawn from all of them, a confusion against the photographs of all "
        f"other classes; p values are exact and Holm-corrected for {classes.n_falls} classes and "
        f"{classes.n_confusions} pairs of a class and an answer. "
        + (f"{sure} are more than chance." if sure else "None of them is more than chance.")
    )
    for distortion, held in classes.distortions.items():
        lines = [
            f"| {TITLES[distortion]}: class | photographs | levels kept (%) | p |",
            "|---|---:|---:|---:|",
        ]
        lines += [
            f"| {markdown(class_word(one.label))} | {one.n_images} | {100 * one.kept:.0f} | "
            f"{p_value(one.p_holm)} |"
            for one in _first_falls(held)
        ]
        lines.append(f"| all | {classes.n_images} | {100 * held.kept:.0f} | |")
        yield "\n".join(lines)
        if held.confusions:
            lines = [
                f"| {TITLES[distortion]}: class | taken for | photographs | of others (%) | p |",
                "|---|---|---:|---:|---:|",
            ]
            lines += [
                f"| {markdown(class_word(one.label))} | {markdown(class_word(one.answer))} | "
                f"{one.n_taken} of {one.n_images} | {percent(one.share_of_others)} | "
                f"{p_value(one.p_holm)} |"
                for one in held.confusions[:N_SHOWN]
            ]
            yield "\n".join(lines)


def _first_falls(held: DistortionClasses) -> list[ClassFall]:
    """Choose the classes to show: first the surest, then those that keep the least."""
    return sorted(held.falls, key=lambda one: (one.p_holm, one.kept, one.p))[:N_SHOWN]


def _draw_falls(panel: Any, held: DistortionClasses, title: str, room: float) -> None:
    shown = _first_falls(held)
    _bars(
        panel,
        [class_word(one.label) for one in shown],
        [100 * one.kept for one in shown],
        [RIGHT if one.p_holm < SIGNIFICANT else _FAINT for one in shown],
        room,
    )
    panel.axvline(100 * held.kept, color=GREY, linewidth=0.8)
    panel.set_title(f"{title}: first to fall", loc="left")
    panel.set_xlabel("levels kept (%)", labelpad=1)


def _draw_confusions(panel: Any, held: DistortionClasses, title: str, room: float) -> None:
    shown: tuple[Confusion, ...] = held.confusions[:N_SHOWN]
    _bars(
        panel,
        [f"{class_word(one.label)} \N{RIGHTWARDS ARROW} {class_word(one.answer)}" for one in shown],
        [100 * one.n_taken / one.n_images for one in shown],
        [WRONG if one.p_holm < SIGNIFICANT else _FAINT for one in shown],
        room,
    )
    for place, one in enumerate(shown):
        at = 100 * one.share_of_others
        panel.plot([at, at], [place - 0.4, place + 0.4], color=GREY, linewidth=0.8)
        told = f"{one.n_taken} of {one.n_images}"
        panel.text(2, place, told, size=_SIZE - 1, va="center", color="black")
    panel.set_title(f"{title}: taken for", loc="left")
    panel.set_xlabel("photographs taken for it (%)", labelpad=1)


def _bars(
    panel: Any, names: list[str], values: list[float], colours: list[str], room: float
) -> None:
    panel.barh(range(len(names)), values, color=colours, height=0.7)
    panel.set_yticks(range(len(names)), [drawable(fitted(name, room, _SIZE)) for name in names])
    panel.tick_params(axis="y", labelsize=_SIZE, length=0)
    panel.set_ylim(N_SHOWN - 0.5, -0.5)
    panel.set_xlim(0, 100)

"""Show which classes fall first under a distortion, and what they are taken for."""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from imagenetq.errors import EntryError
from imagenetq.evaluate.report import style
from imagenetq.evaluate.report.markup import table
from imagenetq.evaluate.results.format import p_value, percent
from imagenetq.evaluate.results.names import TITLES, class_word
from imagenetq.evaluate.results.per_class import Classes, ClassFall, DistortionClasses
from imagenetq.evaluate.results.statistics import SIGNIFICANT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SHOWN = 6
"""Largest number of classes, and of confusions, that are shown for a distortion."""

_ROW = 1.28
_NAME_WIDTH: dict[style.Columns, float] = {1: 1.45, 2: 1.6}
_FAINT = "0.72"
_SIZE = 6.0


@style.paper_style()
def classes_figure(classes: Classes, *, columns: style.Columns = 2) -> "Figure":
    """Draw the classes that fall first under each distortion, and the confusions that it creates.

    Both are about photographs that are recognised clean. A class's bar is the share of levels at
    which its photographs are still recognised; the line is that share over all classes. A
    confusion's bar is the share of a class's photographs that are taken for the other class at some
    level; the tick is that share of all other classes. What is more than chance after Holm's
    correction is coloured.

    Args:
        classes: what `class_scores` gives.
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
    panels = list(product(classes.distortions, (_draw_falls, _draw_confusions)))
    height = len(panels) // columns * _ROW
    figure = style.new_figure(style.WIDTHS[columns], height)
    width, room = style.WIDTHS[columns] / columns, style.POINTS * (_NAME_WIDTH[columns] - 0.12)
    for number, (distortion, draw) in enumerate(panels):
        row, column = divmod(number, columns)
        left = column * width + _NAME_WIDTH[columns]
        panel = figure.add_axes(
            (
                left / style.WIDTHS[columns],
                1 - ((row + 1) * _ROW - 0.3) / height,
                (width - _NAME_WIDTH[columns] - 0.12) / style.WIDTHS[columns],
                (_ROW - 0.52) / height,
            )
        )
        draw(panel, classes.distortions[distortion], TITLES[distortion], room)
    return figure


def to_markdown(classes: Classes) -> str:
    """Write two tables per distortion in Markdown, and how far they can be trusted."""
    return "\n\n".join(_blocks(classes)) + "\n"


def _blocks(classes: Classes) -> Iterator[str]:
    p = [one.p_holm for effect in classes.distortions.values() for one in effect.falls]
    p += [one.p_holm for effect in classes.distortions.values() for one in effect.confusions]
    sure = sum(value < SIGNIFICANT for value in p)
    yield (
        f"Of {classes.n_images} photographs that are recognised clean. A class is tested against "
        "as many photographs drawn from all of them, a confusion against the photographs of all "
        f"other classes; p values are exact and Holm-corrected for {classes.n_falls} classes and "
        f"{classes.n_confusions} pairs of a class and an answer. "
        + (f"{sure} are more than chance." if sure else "None of them is more than chance.")
    )
    for distortion, effect in classes.distortions.items():
        title = f"{TITLES[distortion]}: class"
        falls = [
            (class_word(one.label), f"{one.n_images}", f"{100 * one.kept:.0f}", p_value(one.p_holm))
            for one in _first_falls(effect)
        ]
        falls.append(("all", f"{classes.n_images}", f"{100 * effect.kept:.0f}", ""))
        yield table([title, "photographs", "levels kept (%)", "p"], "lrrr", falls)
        if effect.confusions:
            confusions = [
                (
                    class_word(one.label),
                    class_word(one.answer),
                    f"{one.n_taken} of {one.n_images}",
                    percent(one.share_of_others),
                    p_value(one.p_holm),
                )
                for one in effect.confusions[:N_SHOWN]
            ]
            heads = [title, "taken for", "photographs", "of others (%)", "p"]
            yield table(heads, "llrrr", confusions)


def _first_falls(effect: DistortionClasses) -> list[ClassFall]:
    """Choose the classes to show: first the surest, then those that keep the least."""
    return sorted(effect.falls, key=lambda one: (one.p_holm, one.kept, one.p))[:N_SHOWN]


def _draw_falls(panel: Any, effect: DistortionClasses, title: str, room: float) -> None:
    shown = _first_falls(effect)
    _bars(
        panel,
        [class_word(one.label) for one in shown],
        [100 * one.kept for one in shown],
        [style.RIGHT if one.p_holm < SIGNIFICANT else _FAINT for one in shown],
        room,
    )
    panel.axvline(100 * effect.kept, color=style.GREY, linewidth=0.8)
    panel.set_title(f"{title}: first to fall", loc="left")
    panel.set_xlabel("levels kept (%)", labelpad=1)


def _draw_confusions(panel: Any, effect: DistortionClasses, title: str, room: float) -> None:
    shown = effect.confusions[:N_SHOWN]
    _bars(
        panel,
        [f"{class_word(one.label)} \N{RIGHTWARDS ARROW} {class_word(one.answer)}" for one in shown],
        [100 * one.n_taken / one.n_images for one in shown],
        [style.WRONG if one.p_holm < SIGNIFICANT else _FAINT for one in shown],
        room,
    )
    for line, one in enumerate(shown):
        at = 100 * one.share_of_others
        panel.plot([at, at], [line - 0.4, line + 0.4], color=style.GREY, linewidth=0.8)
        count = f"{one.n_taken} of {one.n_images}"
        panel.text(2, line, count, size=_SIZE - 1, va="center", color="black")
    panel.set_title(f"{title}: taken for", loc="left")
    panel.set_xlabel("photographs taken for it (%)", labelpad=1)


def _bars(
    panel: Any, names: list[str], values: list[float], colours: list[str], room: float
) -> None:
    panel.barh(range(len(names)), values, color=colours, height=0.7)
    panel.set_yticks(range(len(names)), [style.shortened(name, room, _SIZE) for name in names])
    panel.tick_params(axis="y", labelsize=_SIZE, length=0)
    panel.set_ylim(N_SHOWN - 0.5, -0.5)
    panel.set_xlim(0, 100)

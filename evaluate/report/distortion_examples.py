"""Figures 1 and 3: one photograph under the distortions, and what each network makes of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagenetq.errors import EntryError
from imagenetq.evaluate.report.example_image import answer_to
from imagenetq.evaluate.report.pictures import Picture, require_same_picture
from imagenetq.evaluate.report.style import WIDTHS, Columns, paper_style
from imagenetq.evaluate.report.tiles import Tile, draw_tiles
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.names import TITLES, class_word, network_names, variant_words
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN, LADDERS, scored_variants, variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE1 = (CLEAN, "blur-2", "noise-50", "jpeg-10", "jpeg2000-28", "contrast-0.5")
"""What Figure 1 shows, after the paper's: the original, blur of sigma 2, noise, JPEG, contrast;
and JPEG 2000, which the paper's leaves out.

The paper gives its noise as "sigma squared = 50", milder than any level that it measures, and we
read it as sigma 50; of JPEG and contrast it names no level, and ours, as JPEG 2000's, are from the
middle.
"""

N_LEVELS = 4
"""Columns of Figure 3."""

_ASPECT = 0.78


def figure3_levels(results: Sequence[Result]) -> dict[str, list[str]]:
    """What Figure 3 shows of each distortion: four levels, evenly spread from mildest to strongest.

    They are chosen among the scored levels that some network was evaluated on; a distortion
    without any is left out. The paper does not say which levels its four are.
    """
    held = {name for result in results for name in result.predictions.variants}
    chosen = {}
    for ladder in LADDERS:
        levels = [
            v.name
            for v in scored_variants()
            if v.distortion == ladder.distortion and v.name in held
        ]
        if levels:
            n = min(N_LEVELS, len(levels))
            places = [round(k * (len(levels) - 1) / max(n - 1, 1)) for k in range(n)]
            chosen[ladder.distortion] = [levels[place] for place in places]
    return chosen


def figure1_variants(results: Sequence[Result]) -> list[str]:
    """Those of `FIGURE1` that some network was evaluated on; clean is always shown."""
    held = {name for result in results for name in result.predictions.variants}
    return [name for name in FIGURE1 if name == CLEAN or name in held]


@paper_style()
def figure1(results: Sequence[Result], picture: Picture, *, columns: Columns = 2) -> "Figure":
    """One photograph as it is, blurred, noisy, twice compressed and pale, with the answers.

    After the paper's Fig. 1. The photograph is shown whole, as the dataset holds it, whatever each
    network's preprocessing cuts off.

    Args:
        results: of one dataset; a line under each photograph.
        picture: with the pixels of `figure1_variants`.
        columns: of a two-column page that the figure spans.

    Raises:
        UsageError: there are no results.
        EntryError: they are not of one dataset, or the picture is not of it.
    """
    shown = figure1_variants(results)
    tiles = _tiles(results, picture, shown, [variant_words(variant(name)) for name in shown])
    across = len(tiles) if columns == 2 else 3
    rows = [tiles[start : start + across] for start in range(0, len(tiles), across)]
    return draw_tiles(
        rows,
        network_names(results),
        width=WIDTHS[columns],
        aspect=_aspect(picture),
        note=_note(picture),
    )


@paper_style()
def figure3(results: Sequence[Result], picture: Picture, *, columns: Columns = 2) -> "Figure":
    """One photograph under each distortion at four levels, with the answers.

    After the paper's Fig. 3, which gives the confidence in the true class alone. A row is a
    distortion, mild to strong. In a single column there is no room for the classes' names.

    Args:
        results: of one dataset; a line under each photograph.
        picture: with the pixels of `figure3_levels`.
        columns: of a two-column page that the figure spans.

    Raises:
        UsageError: there are no results.
        EntryError: they are not of one dataset, hold no distorted variant, or the picture is not
            of their dataset.
    """
    require_one_dataset(results)
    levels = figure3_levels(results)
    if not levels:
        raise EntryError("the entries hold no distorted variant, which Figure 3 shows")
    rows = [
        _tiles(results, picture, names, [_level_words(name) for name in names])
        for names in levels.values()
    ]
    return draw_tiles(
        rows,
        network_names(results),
        width=WIDTHS[columns],
        aspect=min(_aspect(picture), _ASPECT),
        row_titles=[TITLES[distortion] for distortion in levels],
        note=_note(picture),
    )


def _tiles(
    results: Sequence[Result], picture: Picture, names: Sequence[str], titles: Sequence[str]
) -> list[Tile]:
    require_one_dataset(results)
    require_same_picture(picture, results[0])
    return [
        Tile(
            title,
            picture.pixels[name],
            tuple(answer_to(result.predictions, picture.image_id, name) for result in results),
        )
        for name, title in zip(names, titles, strict=True)
    ]


def _level_words(name: str) -> str:
    """The level without its distortion, which the row says."""
    shown = variant(name)
    unit = {"blur": " px", "jpeg2000": " dB"}.get(shown.distortion, "")
    parameter = {"psnr": "", "factor": ""}.get(shown.parameter or "", f"{shown.parameter} ")
    return f"{parameter}{shown.value}{unit}"


def _aspect(picture: Picture) -> float:
    height, width = picture.pixels[CLEAN].shape[:2]
    return float(min(height / width, 1.0))


def _note(picture: Picture) -> str:
    return (
        f"True class: {class_word(picture.label)}. ✓ right, ✗ wrong; the class named; "
        "the probability given to the true class."
    )

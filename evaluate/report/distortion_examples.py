"""Draw Figures 1 and 3: one photograph under the distortions, with each network's answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imagenetq.errors import EntryError
from imagenetq.evaluate.report.pictures import Picture, answer_to, require_same_picture
from imagenetq.evaluate.report.style import WIDTHS, Columns, paper_style
from imagenetq.evaluate.report.tiles import Tile, draw_tiles
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.names import TITLES, class_word, network_names, variant_words
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.scores import scored_levels
from imagenetq.specification import CLEAN, LADDERS, variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE1 = (CLEAN, "blur-2", "noise-50", "jpeg-10", "jpeg2000-28", "contrast-0.5")
"""Variants that Figure 1 shows: those of the paper's Fig. 1, and JPEG 2000, which it leaves out.

The paper gives the noise in its figure as "sigma squared = 50", milder than any level that it
measures; we read it as sigma 50. It names no level for JPEG and contrast. Ours are from the middle
of the ladders, as is that of JPEG 2000.
"""

N_LEVELS = 4
"""Largest number of levels that Figure 3 shows of a distortion."""

_ASPECT = 0.78


def figure3_levels(results: Sequence[Result]) -> dict[str, list[str]]:
    """Choose the levels that Figure 3 shows of each distortion: up to four, mildest to strongest.

    They are spread evenly over the scored levels that some network was evaluated on; a distortion
    without any is left out. The paper does not say which four levels it shows.
    """
    evaluated = {name for result in results for name in result.predictions.variants}
    chosen = {}
    for ladder in LADDERS:
        levels = [v.name for v in scored_levels(ladder.distortion) if v.name in evaluated]
        if levels:
            n = min(N_LEVELS, len(levels))
            spread = [round(k * (len(levels) - 1) / max(n - 1, 1)) for k in range(n)]
            chosen[ladder.distortion] = [levels[index] for index in spread]
    return chosen


def figure1_variants(results: Sequence[Result]) -> list[str]:
    """List the variants of `FIGURE1` that some network was evaluated on, and clean always."""
    evaluated = {name for result in results for name in result.predictions.variants}
    return [name for name in FIGURE1 if name == CLEAN or name in evaluated]


@paper_style()
def figure1(results: Sequence[Result], picture: Picture, *, columns: Columns = 2) -> "Figure":
    """Draw one photograph clean, blurred, noisy, compressed in two ways, and low in contrast.

    This follows the paper's Fig. 1. Each image is shown whole, as the dataset holds it, whatever
    the networks' preprocessing cuts off; the answers stand beneath.

    Args:
        results: results on one dataset; each gives a line under every image.
        picture: the photograph, with the pixels of `figure1_variants`.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        EntryError: the results are not of one dataset, or the picture is not of it.
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
    """Draw one photograph under each distortion at four levels, with the answers.

    This follows the paper's Fig. 3, which gives only the confidence in the true class. Each row is
    a distortion, from mild to strong. If the figure spans one column, there is no room for the
    classes' names.

    Args:
        results: results on one dataset; each gives a line under every image.
        picture: the photograph, with the pixels of `figure3_levels`.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        EntryError: the results are not of one dataset or hold no distorted variant, or the picture
            is not of their dataset.
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
    """Name a variant's level without the distortion, which the row's title says."""
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

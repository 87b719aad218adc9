"""Write a whole report: every piece that the material allows, and a page that shows them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagenetq.errors import EntryError, ModelError, UsageError
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.report.markup import markdown
from imagenetq.evaluate.report.pictures import (
    Picture,
    Pictures,
    choose_image,
    require_same_picture,
)
from imagenetq.evaluate.report.report_folder import ReportFolder
from imagenetq.evaluate.report.sections import (
    KINDS,
    NEEDS_NETWORK,
    NEEDS_PICTURE,
    NEEDS_TWO,
    Material,
    Piece,
)
from imagenetq.evaluate.report.style import Columns
from imagenetq.evaluate.results.basis import basis, require_one_dataset
from imagenetq.evaluate.results.names import known_names
from imagenetq.evaluate.results.other_scores import OtherScores
from imagenetq.evaluate.results.result import Result
from imagenetq.progress import working

PAGE = "report.md"


@dataclass(frozen=True)
class Report:
    """A report that has been written."""

    files: tuple[Path, ...]
    """Paths of all files, the page first."""

    left_out: tuple[str, ...]
    """One line on each piece, or part of one, that could not be made, and why."""


def write_report(
    results: Sequence[Result],
    out: Path,
    *,
    figures: Sequence[str] | None = None,
    pictures: Pictures | None = None,
    image_id: str | None = None,
    models: Sequence[Model] = (),
    layers: Sequence[str] | None = None,
    paper: bool = False,
    columns: Columns = 2,
    others: OtherScores | None = None,
) -> Report:
    """Write figures, tables and findings, and `report.md`, which shows them with captions.

    Files of an earlier report are replaced once everything is drawn; other files are never
    replaced.

    Args:
        results: results on one dataset.
        out: the folder; it is made if absent.
        figures: names from `KINDS`, each of which must be possible; all that the other arguments
            allow if None.
        pictures: the function that gets a photograph's pixels; Figures 1, 3 and 4 need it.
        image_id: id of the photograph to show; `choose_image` chooses one if None.
        models: the loaded networks; Figure 4 needs one, and Table I and the findings count their
            layers.
        layers: names of the layers that Figure 4 shows; the first and the last convolution if None.
        paper: whether to draw the paper's curves in Figure 2.
        columns: how many columns of a two-column page figures span.
        others: scores in other benchmarks, to correlate with ours.

    Raises:
        UsageError: a name does not exist, or a named figure lacks something that it needs.
        EntryError: the results are not of one dataset, or lack what a named figure needs.
        ModelError: Figure 4 is named, and no network has filters to show.
        FolderError: a file is in the way that no report wrote, or that was changed since.
        OSError: the folder cannot be written.
    """
    wanted = _wanted(figures)
    require_one_dataset(results)
    if others is not None:
        others.of(known_names(results))
    if image_id is not None:
        choose_image(results, image_id)
    _check_layers(models, layers)
    left_out: list[str] = []
    possible = []
    for figure in wanted:
        lack = _lack(figure, results, pictures, models)
        if lack is None:
            possible.append(figure)
        elif figures is not None:
            raise UsageError(lack)
        else:
            left_out.append(lack)
    folder = ReportFolder(out)
    folder.require_own([PAGE])
    picture = _picture(results, possible, pictures, image_id)
    material = Material(results, picture, models, layers, paper, columns, others)
    pieces: list[Piece] = []
    for figure in possible:
        try:
            with working(f"drawing {_called(figure)}"):
                made = list(KINDS[figure].make(material))
        except (EntryError, ModelError) as error:
            if figures is not None:
                raise
            made = [f"{_called(figure)}: {error}"]
        pieces += [piece for piece in made if isinstance(piece, Piece)]
        left_out += [line for line in made if isinstance(line, str)]
    contents = {name: content for piece in pieces for name, content in piece.files.items()}
    folder.write(contents | {PAGE: _page(results, pieces, left_out).encode()})
    return Report((out / PAGE, *(out / name for name in contents)), tuple(left_out))


def _wanted(figures: Sequence[str] | None) -> list[str]:
    if figures is None:
        return list(KINDS)
    for figure in figures:
        if figure not in KINDS:
            raise UsageError(f"no figure {figure!r}; there are {', '.join(KINDS)}")
    return [figure for figure in KINDS if figure in figures]


def _check_layers(models: Sequence[Model], layers: Sequence[str] | None) -> None:
    if layers is None:
        return
    if not models:
        raise UsageError("layers without a network; say with --model whose they are")
    from imagenetq.evaluate.report.activations import require_layers

    for model in models:
        require_layers(model, layers)


def _lack(
    figure: str, results: Sequence[Result], pictures: Pictures | None, models: Sequence[Model]
) -> str | None:
    kind = KINDS[figure]
    if kind.needs_two and len(results) < 2:
        return f"{_called(figure)}: {NEEDS_TWO}"
    if kind.variants is not None and pictures is None:
        return f"{_called(figure)}: {NEEDS_PICTURE}"
    if kind.needs_network and not models:
        return f"{_called(figure)}: {NEEDS_NETWORK}"
    return None


def _picture(
    results: Sequence[Result],
    figures: Sequence[str],
    pictures: Pictures | None,
    image_id: str | None,
) -> Picture | None:
    """Get the pixels of a photograph in the variants that figures show; None if none shows any."""
    listing = [of for figure in figures if (of := KINDS[figure].variants) is not None]
    if pictures is None or not listing:
        return None
    shown = [name for variants in listing for name in variants(results)]
    with working("rendering the photograph"):
        picture = pictures(choose_image(results, image_id), list(dict.fromkeys(shown)))
    require_same_picture(picture, results[0])
    return picture


def _page(results: Sequence[Result], pieces: Sequence[Piece], left_out: Sequence[str]) -> str:
    blocks = ["# ImageNet-Q report", markdown(basis(results))]
    for piece in pieces:
        caption = markdown(piece.caption)
        picture, *others = piece.files
        if picture.endswith(".png"):
            title = re.split("[.:] ", caption, maxsplit=1)[0]
            blocks.append(f"![{title}]({picture})")
            links = [f"[{name.rpartition('.')[2].upper()}]({name})" for name in others]
            blocks.append(f"{caption} ({', '.join(links)})")
        if piece.text:
            blocks.append(piece.text.rstrip())
    if left_out:
        blocks += ["## Left out", "\n".join(f"- {markdown(line)}" for line in left_out)]
    return "\n\n".join(blocks) + "\n"


def _called(figure: str) -> str:
    if figure.isdecimal():
        return f"figure {figure}"
    return "table 1" if figure == "table1" else figure

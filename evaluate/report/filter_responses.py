"""Draw Figure 4: responses of convolutions to a photograph that is clean, blurred and noisy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagenetq.distortions import Pixels
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.models.preprocessing import OpaquePreprocessing
from imagenetq.evaluate.report import style
from imagenetq.evaluate.report.pictures import Picture, answer_to, require_same_picture
from imagenetq.evaluate.results.format import TIMES
from imagenetq.evaluate.results.names import class_word, variant_words
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN, variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imagenetq.evaluate.report.activations import Responses

FIGURE4 = (CLEAN, "blur-2", "noise-50")
"""Variants that Figure 4 shows: clean, and the blur and noise of Figure 1, as in the paper."""

N_MAPS = 16

_SIDE = 4
_FEWEST_PIXELS, _MOST_PIXELS = 48, 128
_GAP_SHARE = 0.05
_CLIPPED = (1, 99)
_COLOURS = "cividis"
_GAP = 0.13
_BAR = 0.42
_TITLE = 0.16
_LINE = 0.13
_PICTURE = 0.62


_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Layout:
    """The layout of the three columns, in inches."""

    width: float
    height: float
    column: float

    def box(self, column: int, top: float, width: float, height: float) -> _Box:
        """Give the box of something centred in a column, as shares of the figure's size."""
        left = column * (self.column + _GAP) + (self.column - width) / 2 + 0.02
        return (
            left / self.width,
            (self.height - top - height) / self.height,
            width / self.width,
            height / self.height,
        )


@style.paper_style()
def figure4(
    model: Model,
    picture: Picture,
    *,
    result: Result | None = None,
    layers: Sequence[str] | None = None,
    columns: style.Columns = 2,
) -> "Figure":
    """Draw a network's filter responses to a photograph, clean, blurred and noisy, side by side.

    This follows the paper's Fig. 4. On top are the images as the network gets them, where its
    resizing and cropping are known. Beneath are the maps of each layer: up to 16 channels, the same
    for all three images, on one colour scale per layer, so that they can be compared. The channels
    are those whose maps vary most in any of the three images (by their standard deviation), in the
    network's order. The scale runs from the 1st to the 99th percentile of the maps shown.

    Args:
        model: the network.
        picture: the photograph, with the pixels of `FIGURE4`.
        result: the network's result, whose answers are written under the images.
        layers: names of layers; the first and the last convolution that run if None.
        columns: how many columns of a two-column page the figure spans.

    Raises:
        UsageError: the network has no layer of a name.
        ModelError: the network has no convolutional layer, a named layer gives no maps, or the
            network does not run on the images.
        EntryError: the picture is not of the result's dataset.
    """
    from imagenetq.evaluate.report.activations import responses

    if result is not None:
        require_same_picture(picture, result)
    pixels = [picture.pixels[name] for name in FIGURE4]
    answers = responses(model, pixels, layers)
    width = style.WIDTHS[columns]
    column = (width - _BAR - 0.04 - (len(FIGURE4) - 1) * _GAP) / len(FIGURE4)
    own = model.preprocessing
    shown = pixels if isinstance(own, OpaquePreprocessing) else [own.pixels(one) for one in pixels]
    tall = column * _PICTURE
    top = _TITLE + tall + (_LINE if result is not None else 0) + 0.06
    height = top + len(answers) * (_TITLE + column + 0.06)
    layout = _Layout(width, height, column)
    figure = style.new_figure(width, height)
    for number, (name, image) in enumerate(zip(FIGURE4, shown, strict=True)):
        _draw_picture(figure, layout, number, name, image, tall)
        if result is not None:
            _write_answer(figure, layout, number, result, picture.image_id, name, tall)
    for layer in answers:
        _draw_layer(figure, layout, top, layer)
        top += _TITLE + column + 0.06
    return figure


def mosaic(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay at most 16 maps of shape (channels, height, width) in a square, with gaps of NaN.

    The pixels of small maps are repeated, so that the gap is thin beside them, too.
    """
    across = min(_SIDE, int(np.ceil(np.sqrt(len(maps)))))
    times = -(-_FEWEST_PIXELS // max(maps.shape[1:]))
    maps = maps.repeat(times, axis=1).repeat(times, axis=2)
    high, wide = maps.shape[1:]
    gap = round(max(high, wide) * _GAP_SHARE)
    rows = -(-len(maps) // across)
    sheet = np.full(
        (rows * (high + gap) - gap, across * (wide + gap) - gap), np.nan, dtype=np.float32
    )
    for number, one in enumerate(maps):
        y, x = (number // across) * (high + gap), (number % across) * (wide + gap)
        sheet[y : y + high, x : x + wide] = one
    return sheet


def liveliest(maps: NDArray[np.float32], n: int = N_MAPS) -> NDArray[np.intp]:
    """Choose the channels whose maps vary most in any of the images, in the network's order.

    The maps have shape (images, channels, height, width).
    """
    spread = maps.std(axis=(2, 3)).max(axis=0)
    # A stable sort takes equal channels in the same order on every machine.
    best = np.argsort(-spread, kind="stable")[:n]
    return np.sort(best)


def _draw_picture(
    figure: "Figure", layout: _Layout, number: int, name: str, image: Pixels, tall: float
) -> None:
    high, wide = image.shape[:2]
    scale = min(layout.column / wide, tall / high)
    x, y, width, height = layout.box(number, _TITLE, wide * scale, high * scale)
    panel = figure.add_axes((x, y, width, height))
    panel.imshow(image, interpolation="none")
    panel.set_axis_off()
    panel.set_title(variant_words(variant(name)), pad=3)


def _write_answer(
    figure: "Figure",
    layout: _Layout,
    number: int,
    result: Result,
    image_id: str,
    name: str,
    tall: float,
) -> None:
    answer = answer_to(result.predictions, image_id, name)
    text = "not evaluated"
    if answer is not None:
        mark = "✓" if answer.is_right else "✗"
        room = layout.column * style.POINTS - 40
        name = style.shortened(class_word(answer.label), room, 6.5)
        text = f"{mark} {name}, {answer.confidence:.2f}"
    x, y, width, _ = layout.box(number, _TITLE + tall + 0.11, layout.column, 0)
    figure.text(x + width / 2, y, text, size=6.5, ha="center")


def _draw_layer(figure: "Figure", layout: _Layout, top: float, layer: "Responses") -> None:
    import matplotlib as mpl

    channels = liveliest(layer.maps)
    chosen = _reduced(layer.maps[:, channels])
    low, high = (float(end) for end in np.percentile(chosen, _CLIPPED))
    colours = mpl.colormaps[_COLOURS].with_extremes(bad="white")
    n, rows, wide = layer.maps.shape[1:]
    title = f"{layer.layer}: {len(channels)} of {n} maps, {rows} {TIMES} {wide} pixels each"
    title = style.shortened(title, 0.9 * layout.width * style.POINTS, 7.0)
    figure.text(0.02 / layout.width, 1 - (top + 0.11) / layout.height, title, size=7)
    for number, maps in enumerate(chosen):
        sheet = mosaic(maps)
        scale = layout.column / max(sheet.shape)
        size = sheet.shape[1] * scale, sheet.shape[0] * scale
        panel = figure.add_axes(layout.box(number, top + _TITLE, *size))
        image = panel.imshow(sheet, cmap=colours, vmin=low, vmax=high, interpolation="none")
        panel.set_axis_off()
    left = 3 * (layout.column + _GAP) + 0.02
    bottom = (layout.height - top - _TITLE - layout.column) / layout.height
    bar = figure.add_axes(
        (left / layout.width, bottom, 0.08 / layout.width, layout.column / layout.height)
    )
    scale = figure.colorbar(image, cax=bar, extend="both", extendfrac=0.03)
    scale.outline.set_linewidth(0.4)
    bar.tick_params(labelsize=5.5, colors=style.GREY, labelcolor="black", pad=1.5, size=1.5)
    bar.locator_params(nbins=5)


def _reduced(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average blocks of large maps, so that they have no more pixels than the print shows."""
    factor = -(-max(maps.shape[2:]) // _MOST_PIXELS)
    if factor == 1:
        return maps
    high, wide = (side // factor for side in maps.shape[2:])
    cut = maps[:, :, : high * factor, : wide * factor]
    blocks = cut.reshape(*maps.shape[:2], high, factor, wide, factor)
    means: NDArray[np.float32] = blocks.mean(axis=(3, 5))
    return means

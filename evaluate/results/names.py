"""Name distortions, variants, classes and networks in tables, figures and captions."""

from collections import Counter
from collections.abc import Sequence

from imagenetq import classes
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN, Ladder, Variant

TITLES: dict[str, str] = {
    "blur": "Blur",
    "noise": "Noise",
    "contrast": "Contrast",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG 2000",
}
"""Titles of the five distortions."""

PARAMETERS: dict[str, str] = {
    "blur": "sigma (pixels)",
    "noise": "sigma (grey levels)",
    "contrast": "factor",
    "jpeg": "quality",
    "jpeg2000": "target PSNR (dB)",
}
"""Each distortion's parameter with its unit, for the labels of axes."""

_VARIANTS: dict[str, str] = {
    "blur": "blur, sigma {} px",
    "noise": "noise, sigma {}",
    "contrast": "contrast {}",
    "jpeg": "JPEG, quality {}",
    "jpeg2000": "JPEG 2000, {} dB",
}


def variant_words(variant: Variant) -> str:
    """Name a variant as a caption does, such as `JPEG, quality 10`."""
    if variant.distortion == CLEAN:
        return "original"
    return _VARIANTS[variant.distortion].format(variant.value)


def parameter_word(parameter: str) -> str:
    """Name a distortion's parameter as a text does, such as `sigma` or `PSNR`."""
    return "PSNR" if parameter == "psnr" else parameter


def level_names(ladder: Ladder) -> list[str]:
    """List the variants of a ladder, from mild to strong."""
    return [f"{ladder.distortion}-{value}" for value in ladder.values]


def ladder_range(ladder: Ladder) -> str:
    """Name the ends of a ladder, such as `1..9`."""
    return f"{ladder.values[0]}..{ladder.values[-1]}"


def class_word(label: int) -> str:
    """Give the first of a class's names, such as `tabby`; `label` is 0 to 999."""
    return classes.names()[label].partition(",")[0]


def network_names(results: Sequence[Result]) -> list[str]:
    """Name each result's network, so that all names differ.

    A name is the result's label or, without one, the model's name. Names that several results share
    are told apart by the precision, then by the start of the weights' SHA-256, then by a number.
    """
    names = [result.label or result.entry.model.name for result in results]
    precisions = [result.entry.precision for result in results]
    weights = [(result.entry.model.weights_sha256 or "no weights")[:8] for result in results]
    for marks in (precisions, weights, [f"{number}" for number in range(1, len(names) + 1)]):
        marked = [f"{name} ({mark})" for name, mark in zip(names, marks, strict=True)]
        # A mark helps only where the results that share a name differ in it.
        kinds = Counter(name for name, _ in set(zip(names, marks, strict=True)))
        names = [new if kinds[name] > 1 else name for name, new in zip(names, marked, strict=True)]
    return names


def known_names(results: Sequence[Result]) -> list[list[str]]:
    """List the names that each network may have elsewhere: the report's, and the model's.

    A model's name is left out if several results share it, since it does not tell them apart.
    """
    models = [result.entry.model.name for result in results]
    return [
        [name, model] if models.count(model) == 1 else [name]
        for name, model in zip(network_names(results), models, strict=True)
    ]

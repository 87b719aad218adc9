"""Name distortions, variants, classes and networks in tables, figures and captions."""

from collections import Counter
from collections.abc import Sequence

from imagenetq import classes
from imagenetq.evaluate.results.result import Result
from imagenetq.specification import CLEAN, Variant

TITLES: dict[str, str] = {
    "blur": "Blur",
    "noise": "Noise",
    "contrast": "Contrast",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG 2000",
}
"""The five distortions."""

PARAMETERS: dict[str, str] = {
    "blur": "sigma (pixels)",
    "noise": "sigma (grey levels)",
    "contrast": "factor",
    "jpeg": "quality",
    "jpeg2000": "target PSNR (dB)",
}
"""Each distortion's parameter with its unit, for axes."""

TIMES = "\N{MULTIPLICATION SIGN}"

_VARIANTS: dict[str, str] = {
    "blur": "blur, sigma {} px",
    "noise": "noise, sigma {}",
    "contrast": "contrast {}",
    "jpeg": "JPEG, quality {}",
    "jpeg2000": "JPEG 2000, {} dB",
}


def variant_words(variant: Variant) -> str:
    """A variant as a caption says it, such as `JPEG, quality 10`."""
    if variant.distortion == CLEAN:
        return "original"
    return _VARIANTS[variant.distortion].format(variant.value)


def class_word(label: int) -> str:
    """The first of a class's names, such as `tabby`."""
    return classes.names()[label].partition(",")[0]


def network_names(results: Sequence[Result]) -> list[str]:
    """A name for each result's network, all different.

    It is its label, or the model's name; those that several results share are told apart by the
    precision, by the start of the weights' SHA-256, and by a number, whichever do.
    """
    names = [result.label or result.entry.model.name for result in results]
    precisions = [result.entry.precision for result in results]
    weights = [(result.entry.model.weights_sha256 or "no weights")[:8] for result in results]
    for marks in (precisions, weights, [f"{place}" for place in range(1, len(names) + 1)]):
        marked = [f"{name} ({mark})" for name, mark in zip(names, marks, strict=True)]
        # How many different marks the results of each name have.
        kinds = Counter(name for name, _ in set(zip(names, marks, strict=True)))
        names = [new if kinds[name] > 1 else name for name, new in zip(names, marked, strict=True)]
    return names

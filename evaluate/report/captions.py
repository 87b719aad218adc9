"""The captions under the report's figures: what is shown, of what, and how far to trust it."""

from collections.abc import Sequence

from imagenetq.evaluate.report.filter_responses import N_MAPS
from imagenetq.evaluate.report.markup import key_letter
from imagenetq.evaluate.report.pictures import Picture
from imagenetq.evaluate.results.basis import basis
from imagenetq.evaluate.results.names import class_word, network_names
from imagenetq.evaluate.results.paper_curves import SOURCE
from imagenetq.evaluate.results.result import Result


def of_table1(results: Sequence[Result]) -> str:
    """Table I."""
    return (
        "Table I. The networks: convolutional and fully connected layers on the longest path from "
        "input to output, parameters, input size, and accuracy on clean images with its 95 % "
        f"Wilson interval. {basis(results)}"
    )


def of_figure1(results: Sequence[Result], picture: Picture) -> str:
    """Figure 1."""
    return (
        f"Figure 1. One photograph ({picture.image_id}: {class_word(picture.label)}) as it is and "
        f"distorted, with each network's answer: {_answers(results)} {basis(results)}"
    )


def of_figure2(results: Sequence[Result], *, paper: bool) -> str:
    """Figure 2."""
    beneath = f" Grey: {SOURCE}, on other images." if paper else ""
    return (
        "Figure 2. Top-1 and top-5 accuracy under five distortions, from mild (left) to strong "
        "(right), with 95 % Wilson intervals. The clean image is the first point of blur and noise "
        f"(sigma 0) and of contrast (factor 1).{beneath} {basis(results)}"
    )


def of_figure3(results: Sequence[Result], picture: Picture) -> str:
    """Figure 3."""
    return (
        f"Figure 3. One photograph ({picture.image_id}: {class_word(picture.label)}) under each "
        "distortion at four levels, from mild (left) to strong (right), with each network's "
        f"answer: {_answers(results)} {basis(results)}"
    )


def of_figure4(result: Result, name: str, picture: Picture) -> str:
    """Figure 4."""
    return (
        f"Figure 4 ({name}). Responses of convolutional layers to a photograph "
        f"({picture.image_id}: {class_word(picture.label)}), clean, blurred and noisy, after "
        "the network's own preprocessing; under each its answer and the probability that it gives "
        "to the true class. "
        f"Of each layer at most {N_MAPS} maps, those that vary most in any of the three, the same "
        "in all; one colour scale a layer, from the 1st to the 99th percentile. "
        f"{basis([result])}"
    )


def of_robustness(results: Sequence[Result]) -> str:
    """The findings' figure."""
    return (
        "Depth and size against robustness: layers on the longest path, and parameters, against "
        "the relative score (ImageNet-Q score divided by clean top-1 accuracy) with its 95 % "
        f"interval. {basis(results)}"
    )


def _answers(results: Sequence[Result]) -> str:
    said = "a tick if it is right, a cross if not, the class, and the probability of the true one."
    if len(results) == 1:
        return said
    names = network_names(results)
    keyed = ", ".join(f"{key_letter(place)} {name}" for place, name in enumerate(names))
    return f"{said} {keyed}."

"""Write the captions of the report's figures: what is shown, of what, and how far to trust it."""

from collections.abc import Sequence

from imagenetq.evaluate.report.filter_responses import N_MAPS
from imagenetq.evaluate.report.markup import key_letter
from imagenetq.evaluate.report.pictures import Picture
from imagenetq.evaluate.results.basis import basis
from imagenetq.evaluate.results.names import class_word, network_names
from imagenetq.evaluate.results.paper_curves import SOURCE
from imagenetq.evaluate.results.result import Result


def of_table1(results: Sequence[Result]) -> str:
    """Write the caption of Table I."""
    return (
        "Table I. The networks: convolutional and fully connected layers on the longest path from "
        "input to output, parameters, input size, and accuracy on clean images with its 95 % "
        f"Wilson interval. {_replaced(results)}{basis(results)}"
    )


def of_figure1(results: Sequence[Result], picture: Picture) -> str:
    """Write the caption of Figure 1."""
    return (
        f"Figure 1. One photograph ({picture.image_id}: {class_word(picture.label)}) as it is and "
        f"distorted, with each network's answer: {_answers(results)} {basis(results)}"
    )


def of_figure2(results: Sequence[Result], *, paper: bool) -> str:
    """Write the caption of Figure 2."""
    beneath = f" Grey: {SOURCE}, on other photographs." if paper else ""
    return (
        "Figure 2. Top-1 and top-5 accuracy under five distortions, from mild (left) to strong "
        "(right), with 95 % Wilson intervals. The clean image is the first point of blur and noise "
        f"(sigma 0) and of contrast (factor 1).{beneath} {basis(results)}"
    )


def of_figure3(results: Sequence[Result], picture: Picture) -> str:
    """Write the caption of Figure 3."""
    return (
        f"Figure 3. One photograph ({picture.image_id}: {class_word(picture.label)}) under each "
        "distortion at four levels, from mild (left) to strong (right), with each network's "
        f"answer: {_answers(results)} {basis(results)}"
    )


def of_figure4(result: Result, name: str, picture: Picture) -> str:
    """Write the caption of Figure 4 for one network."""
    return (
        f"Figure 4 ({name}). Responses of convolutional layers to a photograph "
        f"({picture.image_id}: {class_word(picture.label)}), clean, blurred and noisy, after "
        "the preprocessing that it was evaluated with; under each its answer and the probability "
        "that it gives to the true class. "
        f"Of each layer at most {N_MAPS} maps, those that vary most in any of the three, the same "
        "in all; one colour scale a layer, from the 1st to the 99th percentile. "
        f"{basis([result])}"
    )


def of_robustness(results: Sequence[Result]) -> str:
    """Write the caption of the findings' figure."""
    return (
        "Depth and size against robustness: layers on the longest path, and parameters, against "
        "the relative score (ImageNet-Q score divided by clean top-1 accuracy) with its 95 % "
        f"interval. {basis(results)}"
    )


def of_consistency(results: Sequence[Result]) -> str:
    """Write the caption of the figure of error consistency."""
    return (
        "Error consistency. Cohen's kappa of two networks' being right, against level from mild "
        "(left) to strong (right), with 95 % intervals. Of three networks or more the matrix has "
        "clean images below its diagonal, and above it the mean of the five distortions. "
        f"{basis(results)}"
    )


def of_classes(result: Result, name: str) -> str:
    """Write the caption of one network's figure of classes."""
    return (
        f"Classes ({name}). Left: the classes that fall first, by the share of levels at which "
        "photographs recognised clean still are; the line is the share of all classes. Right: "
        "confusions that a distortion creates, by the share of a class's such photographs that at "
        "some level are taken for another class; the tick is the share of all other classes'. "
        f"Coloured is what is more than chance after Holm's correction. {basis([result])}"
    )


def of_risk(result: Result, name: str) -> str:
    """Write the caption of one network's figure of risk against coverage."""
    return (
        f"Risk ({name}). The share of wrong answers among those that the network is surest of, "
        "against the share that it answers; dashed: clean images; from mild (light) to strong "
        f"(dark) levels. {basis([result])}"
    )


def of_stability(results: Sequence[Result]) -> str:
    """Write the caption of the figure of stability."""
    return (
        "Stability. Left: the ImageNet-Q score with 95 % of what other classes would give, drawn "
        "with replacement. Middle: the score over so many photographs of each class (lines), and "
        "over each photograph of a class alone (dots). Right: the share of draws that give each "
        f"rank. {basis(results)}"
    )


def _replaced(results: Sequence[Result]) -> str:
    """Say what was replaced in networks' own preprocessing; an empty text if nothing was."""
    said = []
    for name, result in zip(network_names(results), results, strict=True):
        values = {key: _numbers(held) for key, held in (result.entry.model.overrides or {}).items()}
        if values:
            listed = ", ".join(f"{key.replace('_', ' ')} {text}" for key, text in values.items())
            said.append(f"{name} ({listed})")
    return f"Replaced in the preprocessing: {'; '.join(said)}. " if said else ""


def _numbers(value: object) -> str:
    if not isinstance(value, list | tuple):
        return str(value)
    # Equal numbers for all channels were mostly given as one number.
    shown = value[:1] if len(set(map(str, value))) == 1 else value
    return " ".join(str(number) for number in shown)


def _answers(results: Sequence[Result]) -> str:
    said = "a tick if it is right, a cross if not, the class, and the probability of the true one."
    if len(results) == 1:
        return said
    names = network_names(results)
    keyed = ", ".join(f"{key_letter(place)} {name}" for place, name in enumerate(names))
    return f"{said} {keyed}."

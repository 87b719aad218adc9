"""Write the findings in words."""

from collections.abc import Iterator

from imagenetq.evaluate.report.conclusions import Findings, NetworkFindings, Pair
from imagenetq.evaluate.report.markup import markdown, table
from imagenetq.evaluate.results.format import (
    crossing_cell,
    in_points,
    p_value,
    span,
    with_interval,
)
from imagenetq.evaluate.results.names import PARAMETERS, TITLES
from imagenetq.specification import LADDERS

_FEWEST_FOR_A_TREND = 5


def to_markdown(findings: Findings) -> str:
    """Write the findings as a Markdown page without a title."""
    blocks = [*_sensitivity(findings), *_falls(findings), *_depth(findings)]
    if findings.warnings:
        blocks += ["## Warnings", "\n".join(f"- {markdown(line)}" for line in findings.warnings)]
    return "\n\n".join(blocks) + "\n"


def _sensitivity(findings: Findings) -> Iterator[str]:
    yield "## What each network is most sensitive to"
    yield (
        "The share of clean top-1 accuracy that is left, as a mean over a distortion's levels; in "
        "brackets its 95 % interval. A place is a range where the photographs do not tell "
        "distortions apart (paired over photographs, Holm-corrected, p < 0.05)."
    )
    for network in findings.networks:
        if not network.sensitivities:
            yield f"{markdown(network.name)}: no distortion was evaluated whole, with clean."
            continue
        rows = [
            (TITLES[s.distortion], span(s.first_place, s.last_place), with_interval(s.relative))
            for s in network.sensitivities
        ]
        yield table([network.name, "place", "accuracy left (%)"], "lll", rows)
        yield _in_words(network)


def _in_words(network: NetworkFindings) -> str:
    sensitivities = network.sensitivities
    worst = [TITLES[one.distortion] for one in sensitivities if one.first_place == 1]
    name = markdown(network.name)
    if len(sensitivities) == 1:
        return f"Only {TITLES[sensitivities[0].distortion]} was evaluated whole."
    if len(worst) == len(sensitivities):
        return f"{name}: these photographs tell no distortion apart as the worst."
    if len(worst) == 1:
        return f"{name} is most sensitive to {worst[0]}."
    return (
        f"{name} is most sensitive to {', '.join(worst[:-1])} and {worst[-1]}, "
        "between which these photographs do not tell."
    )


def _falls(findings: Findings) -> Iterator[str]:
    yield "## Where accuracy begins to fall"
    yield (
        "The parameter at which top-1 accuracy first falls to 90 % of clean, linear between "
        "levels. The levels run from mild to strong; a codec may already be below at its mildest."
    )
    heads = [f"{TITLES[ladder.distortion]}, {PARAMETERS[ladder.distortion]}" for ladder in LADDERS]
    rows = [
        [one.name, *(crossing_cell(one.falls[ladder.distortion], ladder) for ladder in LADDERS)]
        for one in findings.networks
    ]
    yield table(["", *heads], "l" * (len(heads) + 1), rows)


def _depth(findings: Findings) -> Iterator[str]:
    yield "## Depth and robustness"
    yield (
        "The relative score is the ImageNet-Q score divided by clean top-1 accuracy: how much of "
        "what a network can do survives. Layers are convolutional + fully connected, on the "
        "longest path."
    )
    rows = []
    for network in findings.networks:
        layers = "not known"
        if network.layers is not None:
            layers = f"{network.convolutional} + {network.fully_connected}"
        score = with_interval(network.relative_score)
        rows.append([network.name, layers, f"{network.parameters:,}", score])
    yield table(["", "layers", "parameters", "relative score (%)"], "lrrl", rows)
    if findings.pairs:
        yield "\n".join(f"- {_pair(pair)}" for pair in findings.pairs)
    yield _trend(findings)


def _pair(pair: Pair) -> str:
    first, second = markdown(pair.first), markdown(pair.second)
    gap = f"{in_points(pair.difference)}, p = {p_value(pair.p_holm)}"
    if pair.is_told_apart:
        return f"{first} keeps more of its accuracy than {second}: {gap}."
    return f"{first} and {second} are not told apart: {gap}."


def _trend(findings: Findings) -> str:
    """Say whether the deeper of two networks is the more robust, as far as the pairs tell."""
    layers = {network.name: network.layers for network in findings.networks}
    apart = [
        (one, other)
        for pair in findings.pairs
        if pair.is_told_apart
        and (one := layers[pair.first]) is not None
        and (other := layers[pair.second]) is not None
    ]
    if not apart:
        return (
            "Whether deeper networks are more robust cannot be said: there are no two networks of "
            "known depth whose relative scores are told apart."
        )
    deeper = sum(one > other for one, other in apart)
    text = (
        f"Pairs of networks of known depth that are told apart: {len(apart)}; in {deeper} of them "
        "the deeper network is the more robust"
    )
    equal = sum(one == other for one, other in apart)
    text += f", and {equal} are equally deep." if equal else "."
    if len(findings.networks) < _FEWEST_FOR_A_TREND:
        text += f" {len(findings.networks)} networks are too few to speak of a trend."
    return text

"""Whether a network gives logits or probabilities: decided from its answers to real pictures.

Where a softmax stands in a graph says little: other nodes may follow it, or it may be written out.
Its values tell. Of log-probabilities nothing has to be undone: they are logits less a number that
is the same for all classes, and the softmax of them is the probabilities again.
"""

from dataclasses import replace

import torch

from imagenetq.entry import Outputs
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.wrappers import Logarithm, SelectOutputs

_TOLERANCE = 0.01
"""By how much a sum may miss one: rounding to bfloat16 moves it by 0.002."""


def kind_of(answers: torch.Tensor) -> Outputs:
    """What a network's answers to a few pictures are, of shape (n, outputs).

    Probabilities are not negative and sum to one for each picture. What lies between 0 and 1
    otherwise may be sigmoids or similarities, which values cannot tell apart.
    """
    answers = answers.double()
    if not bool(((answers >= 0) & (answers <= 1 + _TOLERANCE)).all()):
        return "logits"
    sums = answers.sum(dim=1)
    return "probabilities" if bool(((sums - 1).abs() <= _TOLERANCE).all()) else "bounded"


def settle(model: Model, inputs: torch.Tensor) -> Model:
    """The model, with its outputs known, and the logarithm taken where they are probabilities.

    Args:
        model: as loaded; one whose outputs are known is given back as it is.
        inputs: of a few real pictures, as its module takes them, where it is.
    """
    if model.outputs is not None:
        return model
    module = model.module
    # All of the outputs: what a class map chooses of probabilities need not sum to one.
    network = module.module if isinstance(module, SelectOutputs) else module
    with torch.inference_mode():
        kind = kind_of(torch.cat([network(piece) for piece in torch.split(inputs, 1)]))
    if kind == "probabilities":
        logits = Logarithm(network).eval()
        module = (
            SelectOutputs(logits, module.outputs.tolist()).eval()
            if isinstance(module, SelectOutputs)
            else logits
        )
    return replace(model, module=module, outputs=kind)


def suspicious_outputs(model: Model) -> str | None:
    """One line on outputs that are taken for logits and may be none; None if all is well."""
    if model.outputs != "bounded":
        return None
    return (
        f"{model.name}: its outputs lie between 0 and 1, but do not sum to one: sigmoids, or "
        "similarities? As logits they give nearly equal probabilities; let it give its logits"
    )

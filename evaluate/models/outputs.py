"""Decide from a network's answers to real images whether it gives logits or probabilities.

The network's graph says little: other nodes may follow a softmax, or it may be written out in
simpler ones. So the values decide. Log-probabilities can stay as they are: they are logits less a
number that is the same for all classes, and their softmax gives the probabilities again.
"""

from dataclasses import replace

import torch

from imagenetq.entry import Outputs
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.wrappers import Logarithm, SelectOutputs

_TOLERANCE = 0.01
"""Largest difference between one and a sum of probabilities; rounding to bfloat16 makes 0.002."""


def kind_of(answers: torch.Tensor) -> Outputs:
    """Tell what a network's answers to a few images, of shape (n, outputs), are.

    Probabilities are not negative and sum to one for each image. Other values between 0 and 1 are
    called bounded: they may be sigmoids or similarities, which the values cannot tell apart.
    """
    answers = answers.double()
    if not bool(((answers >= 0) & (answers <= 1 + _TOLERANCE)).all()):
        return "logits"
    sums = answers.sum(dim=1)
    return "probabilities" if bool(((sums - 1).abs() <= _TOLERANCE).all()) else "bounded"


def settle(model: Model, inputs: torch.Tensor) -> Model:
    """Find out what a model gives, and make it give logarithms if those are probabilities.

    The inputs are those of a few real images, on the module's device. A model whose outputs are
    known is given back as it is.
    """
    if model.outputs is not None:
        return model
    module = model.module
    # All outputs are needed: the probabilities that a class map chooses need not sum to one.
    network = module.module if isinstance(module, SelectOutputs) else module
    with torch.inference_mode():
        kind = kind_of(torch.cat([network(piece) for piece in torch.split(inputs, 1)]))
    if kind == "probabilities":
        logits: torch.nn.Module = Logarithm(network)
        if isinstance(module, SelectOutputs):
            logits = SelectOutputs(logits, module.outputs.tolist())
        module = logits.eval()
    return replace(model, module=module, outputs=kind)


def suspicious_outputs(model: Model) -> str | None:
    """Say in one line if outputs that are taken for logits may be none; give None otherwise."""
    if model.outputs != "bounded":
        return None
    return (
        f"{model.name}: its outputs lie between 0 and 1, but do not sum to one: sigmoids, or "
        "similarities? As logits they give nearly equal probabilities; let it give its logits"
    )

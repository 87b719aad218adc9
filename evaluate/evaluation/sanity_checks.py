"""Check before a long run that a few hundred clean images come out as they should.

A network with the wrong preprocessing, class order or padding answers without a word, only worse.
These checks compare it with its published figure, and with itself under the usual alternatives.
They need images: 200 show most mistakes, 500 nearly all; below that they stay silent rather than
guess.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from imagenetq.entry import CleanCheck
from imagenetq.evaluate.models.base import Model
from imagenetq.evaluate.models.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    AnyPreprocessing,
    Colour,
    Preprocessing,
    normalise,
)

_SIGNIFICANT = 1e-3
_CHANCE = 0.01
_FEWEST_FOR_CHANCE = 100

_NORMALISATIONS: dict[str, tuple[Colour, Colour]] = {
    "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225": (IMAGENET_MEAN, IMAGENET_STD),
    "--mean 0.5 --std 0.5": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "--mean 0 --std 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def clean_accuracy_warning(model: Model, n_correct: int, n_total: int) -> str | None:
    """Warn if clean top-1 accuracy is below what it should be.

    It is compared with the published figure where there is one: fewer right answers than a
    network of that accuracy gives in 999 of 1,000 draws (binomial) are too few. Without one, only
    an accuracy of less than 1 % on at least 100 images is noticed. A warning is one line.
    """
    from scipy.stats import binom

    if not n_total:
        return None
    measured = f"{model.name}: clean top-1 is {n_correct / n_total:.1%} on {n_total} photographs"
    published = model.published_top1
    if published is not None and binom.cdf(n_correct, n_total, published) < _SIGNIFICANT:
        return (
            f"{measured}, but {published:.1%} is published; check the preprocessing "
            "(`imagenetq models` shows it), the class order and the weights"
        )
    if n_total >= _FEWEST_FOR_CHANCE and n_correct < _CHANCE * n_total:
        return f"{measured}, which is chance; check the class order, weights and preprocessing"
    return None


def clean_check(model: Model, n_total: int) -> CleanCheck:
    """Tell how small a loss of accuracy these checks can show for a model.

    Against a published figure a loss is how far the measured accuracy falls below it. Without one
    the model is compared with itself, and a loss shows soonest where no image speaks for the model
    as it is. A model whose preprocessing is opaque is not compared.
    """
    from scipy.stats import binom

    published = model.published_top1
    check = partial(CleanCheck, n_images=n_total)
    if published is not None:
        allowed = int(binom.ppf(_SIGNIFICANT, n_total, published)) if n_total else 0
        if allowed:
            loss = max(0.0, published - allowed / n_total)
            return check(smallest_loss=loss, compared_with="published accuracy")
    elif isinstance(model.preprocessing, Preprocessing):
        # To win so many images and lose none is not yet significant.
        unseen = math.floor(-math.log2(_SIGNIFICANT))
        if n_total > unseen:
            return check(smallest_loss=unseen / n_total, compared_with="other preprocessing")
    by_chance = n_total >= _FEWEST_FOR_CHANCE
    return check(smallest_loss=None, compared_with="chance" if by_chance else None)


def suspicious_normalisation(
    model: Model, images: torch.Tensor, labels: torch.Tensor, batch_size: int = 32
) -> str | None:
    """Warn if the model does significantly better with another mean and standard deviation.

    The usual ones are tried: ImageNet's, 0.5 and 0.5, and none. A model whose preprocessing is
    opaque is not checked. The test is McNemar's, exact and one-sided, at 0.001. The warning is one
    line that names the alternative that did best.

    The model runs on the device where it is. Images are clean ones as `preprocessing.pixels` gives
    them, uint8 of shape (n, height, width, 3), and labels int64 of shape (n,).
    """
    own = model.preprocessing
    if not isinstance(own, Preprocessing):
        return None
    correct = right(model, own, images, labels, batch_size)
    alternatives = {
        advice: right(model, replace(own, mean=mean, std=std), images, labels, batch_size)
        for advice, (mean, std) in _NORMALISATIONS.items()
        if (mean, std) != (own.mean, own.std)
    }
    advice, best = max(alternatives.items(), key=lambda item: int(item[1].sum()))
    if not _is_better(best, correct):
        return None
    return (
        f"{model.name}: {int(correct.sum())} of {len(correct)} clean images are right with mean "
        f"{_numbers(own.mean)} and std {_numbers(own.std)}, but {int(best.sum())} with {advice}; "
        "the weights were probably trained with that"
    )


def suspicious_padding(
    model: Model, images: torch.Tensor, labels: torch.Tensor, batch_size: int = 32
) -> str | None:
    """Warn if the model does significantly better with TensorFlow's padding.

    Weights converted from TensorFlow fit networks that pad strided convolutions evenly, but were
    trained with the odd pixel at the end (timm's `pad_type=same`). Arguments, test and result are
    those of `suspicious_normalisation`. A network without such convolutions is not checked.
    """
    own = model.preprocessing
    with tensorflow_padding(model.module) as n_changed:
        if not n_changed or not isinstance(own, Preprocessing):
            return None
        padded = right(model, own, images, labels, batch_size)
    correct = right(model, own, images, labels, batch_size)
    if not _is_better(padded, correct):
        return None
    return (
        f"{model.name}: {int(correct.sum())} of {len(correct)} clean images are right as it is, "
        f"but {int(padded.sum())} with TensorFlow's padding; the weights were probably converted "
        "from there, load them with --model-arg pad_type=same"
    )


@contextmanager
def tensorflow_padding(module: nn.Module) -> Iterator[int]:
    """Pad strided convolutions as TensorFlow's "same" does, until the end of the block.

    It yields the number of the module's convolutions that are changed.
    """
    changed = [m for m in module.modules() if type(m) is nn.Conv2d and _pads_evenly(m)]
    before = [convolution.padding for convolution in changed]
    hooks = [convolution.register_forward_pre_hook(_pad_input) for convolution in changed]
    try:
        for convolution in changed:
            convolution.padding = (0, 0)
        yield len(changed)
    finally:
        for convolution, padding, hook in zip(changed, before, hooks, strict=True):
            convolution.padding = padding
            hook.remove()


def _pads_evenly(convolution: nn.Conv2d) -> bool:
    spans = zip(convolution.dilation, convolution.kernel_size, strict=True)
    even = tuple(dilation * (side - 1) // 2 for dilation, side in spans)
    return max(convolution.stride) > 1 and max(even) > 0 and convolution.padding == even


def _pad_input(module: Any, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    padding: list[int] = []
    # `pad` counts dimensions from the last.
    for axis in (1, 0):
        length = inputs[0].shape[2 + axis]
        stride, dilation = module.stride[axis], module.dilation[axis]
        span = dilation * (module.kernel_size[axis] - 1) + 1
        missing = max((-(-length // stride) - 1) * stride + span - length, 0)
        padding += [missing // 2, missing - missing // 2]
    return nn.functional.pad(inputs[0], padding)


def right(
    model: Model,
    preprocessing: AnyPreprocessing,
    images: torch.Tensor,
    labels: torch.Tensor,
    batch_size: int,
) -> torch.Tensor:
    """Tell for each image whether its top-1 answer is right: bool of shape (n,), on the CPU.

    Arguments are those of `suspicious_normalisation`, with a preprocessing to use.
    """
    tensors = model.module.state_dict().values()
    device = next((tensor.device for tensor in tensors), torch.device("cpu"))
    with torch.inference_mode():
        answers = [
            model.module(normalise(batch.to(device), preprocessing)).argmax(dim=1).cpu()
            for batch in torch.split(images, batch_size)
        ]
    return torch.cat(answers) == labels.cpu()


def _is_better(other: torch.Tensor, own: torch.Tensor) -> bool:
    from scipy.stats import binomtest

    won, lost = int((other & ~own).sum()), int((own & ~other).sum())
    if won <= lost:
        return False
    return bool(binomtest(won, won + lost, alternative="greater").pvalue < _SIGNIFICANT)


def _numbers(values: Colour) -> str:
    return ",".join(f"{value:g}" for value in values)

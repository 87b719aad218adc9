"""How deep a network is: the layers on the longest way through it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagenetq.evaluate.models.preprocessing import Size

if TYPE_CHECKING:
    from torch import nn

# The nodes that autograd records; a transposed convolution is one, too.
_CONVOLUTIONS = ("ConvolutionBackward",)
# A linear layer is one of these by the input's axes and the bias.
_FULL = ("AddmmBackward", "MmBackward", "LinearBackward")


@dataclass(frozen=True)
class Depth:
    """The layers with weights on the longest way from input to output, as papers count depth."""

    convolutional: int
    """Convolutions."""

    fully_connected: int
    """Linear layers."""


def depth(module: "nn.Module", input_size: Size) -> Depth | None:
    """Count the layers on the way through a network that has the most of them.

    One picture is sent through, and the graph that autograd records of it is searched; so parallel
    branches, residual connections and layers used twice count as they run. GoogLeNet gives the 21
    + 1 of its paper, of 57 convolutions. Fused attention hides no layer, but a product of two
    activations that are matrices would pass for a linear layer.

    Args:
        module: the network, of any mode; it runs in evaluation mode and is left as it was.
        input_size: (height, width) of its input.

    Returns:
        None where there is no graph to search, as of an ONNX file, which PyTorch does not run.
    """
    import torch

    tensor = next(module.parameters(), torch.zeros(0))
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        with torch.inference_mode(False), torch.enable_grad():
            picture = torch.zeros(
                1, 3, *input_size, device=tensor.device, dtype=tensor.dtype, requires_grad=True
            )
            output = module(picture)
    finally:
        for part, training in modes.items():
            part.training = training
    return None if output.grad_fn is None else _longest(output.grad_fn)


def _longest(last: Any) -> Depth:
    """Over all paths from a node of the graph, without recursion, which deep networks exceed."""
    best: dict[Any, tuple[int, int, int]] = {}
    open_nodes = [last]
    while open_nodes:
        node = open_nodes[-1]
        before = [parent for parent, _ in node.next_functions if parent is not None]
        waiting = [parent for parent in before if parent not in best]
        if waiting:
            open_nodes += waiting
            continue
        open_nodes.pop()
        total, convolutions, full = max((best[parent] for parent in before), default=(0, 0, 0))
        is_convolution, is_full = _is(node, _CONVOLUTIONS), _is(node, _FULL)
        best[node] = (
            total + is_convolution + is_full,
            convolutions + is_convolution,
            full + is_full,
        )
    _, convolutions, full = best[last]
    return Depth(convolutions, full)


def _is(node: Any, kinds: Iterable[str]) -> bool:
    # Their names end in a digit, which tells overloads apart.
    return node.name().rstrip("0123456789") in kinds

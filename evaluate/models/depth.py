"""Count how deep a network is: the layers with weights on the longest way through it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagenetq.evaluate.models.preprocessing import Size

if TYPE_CHECKING:
    from torch import nn

# The nodes that autograd records; a transposed convolution has this name, too.
_CONVOLUTION = "ConvolutionBackward"
# Which of these a linear layer becomes depends on the input's axes and on the bias.
_FULL = ("AddmmBackward", "MmBackward", "LinearBackward")


@dataclass(frozen=True)
class Depth:
    """The layers with weights on the longest way from input to output, as papers count depth."""

    convolutional: int
    """Number of convolutions on that way."""

    fully_connected: int
    """Number of linear layers on that way."""


def depth(module: "nn.Module", input_size: Size) -> Depth | None:
    """Count the layers on the way through a network that has the most of them.

    One blank image of the input size, (height, width), is sent through in evaluation mode, and the
    graph that autograd records is searched. So parallel branches, residual connections and layers
    used twice count as they run: GoogLeNet, which has 57 convolutions, gives the 21 + 1 of its
    paper. Fused attention hides no layer, but a product of two activations that are matrices would
    pass for a linear layer. The network is left as it was. It is None without a graph, as for an
    ONNX file, which PyTorch does not run.
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
    """Count the layers on the path to a node of the graph that has the most of them.

    It works without recursion, because deep networks exceed Python's limit.
    """
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
        # Autograd's names end in a digit, which tells overloads apart.
        kind = node.name().rstrip("0123456789")
        is_convolution, is_full = kind == _CONVOLUTION, kind in _FULL
        best[node] = (
            total + is_convolution + is_full,
            convolutions + is_convolution,
            full + is_full,
        )
    _, convolutions, full = best[last]
    return Depth(convolutions, full)

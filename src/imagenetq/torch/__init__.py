"""The same variants on tensors and GPUs, bit for bit; the contract's only room that needs torch.

`render` makes variants of a batch where it is, `Distort` is a module that does so at random, for
training, and `VariantStream` reads photographs and their variants, each pair once.
"""

from typing import TYPE_CHECKING

from imagenetq.lazy import lazy_names

if TYPE_CHECKING:
    from imagenetq.torch.rendering import render
    from imagenetq.torch.streaming import VariantStream
    from imagenetq.torch.transform import Distort

__all__ = ["Distort", "VariantStream", "render"]

_HOMES = {
    "rendering": ("render",),
    "streaming": ("VariantStream",),
    "transform": ("Distort",),
}

__getattr__ = lazy_names(__name__, _HOMES)

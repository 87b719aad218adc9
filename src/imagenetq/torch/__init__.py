"""Make the same variants of tensors, also on GPUs, bit for bit.

`render` makes variants of a batch on the device where it is. `Distort` is a module that does so at
random, for training. `VariantStream` reads photographs and gives each of them in every chosen
variant. Outside of `imagenetq.evaluate`, torch is needed only here.
"""

from typing import TYPE_CHECKING

from imagenetq.lazy import lazy_names

if TYPE_CHECKING:
    from imagenetq.torch.rendering import render
    from imagenetq.torch.streaming import VariantStream
    from imagenetq.torch.transform import Distort

__all__ = ["Distort", "VariantStream", "render"]

_HOMES = {"rendering": ("render",), "streaming": ("VariantStream",), "transform": ("Distort",)}

__getattr__ = lazy_names(__name__, _HOMES)

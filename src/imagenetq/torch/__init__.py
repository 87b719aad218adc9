"""The same variants on tensors and GPUs, bit for bit; the contract's only room that needs torch.

`render` makes variants of a batch where it is, `Distort` is a module that does so at random, for
training.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imagenetq.extras import named_if_missing

if TYPE_CHECKING:
    from imagenetq.torch.rendering import render
    from imagenetq.torch.transform import Distort

__all__ = ["Distort", "render"]

_HOMES = {"rendering": ("render",), "transform": ("Distort",)}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: evaluating needs only some of them."""
    for home, public in _HOMES.items():
        if name in public:
            with named_if_missing():
                return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

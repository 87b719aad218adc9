"""Load the user's own models from a callable in a module of theirs."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imagenetq.errors import ModelError, UsageError
from imagenetq.evaluate.models import load_errors as messages
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.from_torchvision import from_transform
from imagenetq.evaluate.models.preprocessing import OpaquePreprocessing, Preprocessing
from imagenetq.evaluate.models.weights import Weights


def load(name: str, options: LoadOptions) -> Network:
    """Call `MODULE:CALLABLE`, found in the working folder or installed, with the arguments.

    The callable must return a `torch.nn.Module` that gives logits, and its preprocessing: a
    `Preprocessing`, or a picklable callable from a Pillow image to a normalised float32 tensor of
    shape (3, height, width).
    """
    full_name = f"python/{name}"
    function = _find(full_name, name)
    try:
        returned = function(**options.arguments)
    except Exception as error:  # The user's code may raise anything.
        raise ModelError(
            f"{full_name}: failed with {type(error).__name__}: {messages.one_line(error)}"
        ) from error
    from torch import nn

    if not isinstance(returned, tuple) or len(returned) != 2:
        raise _wrong(full_name, f"a {type(returned).__name__}")
    module, preprocessing = returned
    if not isinstance(module, nn.Module) or not callable(getattr(module, "forward", None)):
        raise _wrong(full_name, f"a {type(module).__name__} first")
    if not isinstance(preprocessing, Preprocessing | OpaquePreprocessing):
        if not callable(preprocessing):
            raise _wrong(full_name, f"a {type(preprocessing).__name__} second")
        preprocessing = from_transform(preprocessing)
    return Network(module, preprocessing, Weights.given(module, options, full_name))


def _find(full_name: str, name: str) -> Callable[..., Any]:
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise UsageError(f"{full_name}: name it python/MODULE:CALLABLE, such as python/mine:vgg")
    here = str(Path.cwd())
    # Workers search where this process does, and need the folder last, so that no file in it hides
    # a library from them.
    if here not in sys.path:
        sys.path.append(here)
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # Importing runs the user's code.
        raise ModelError(
            f"{full_name}: cannot import {module_name} "
            f"({type(error).__name__}: {messages.one_line(error)})"
        ) from None
    finally:
        sys.path.remove(here)
    function: Callable[..., Any] | None = getattr(module, attribute, None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if callable(value)]
        raise messages.unknown(f"python/{module_name}", attribute, names)
    return function


def _wrong(full_name: str, what: str) -> ModelError:
    return ModelError(
        f"{full_name}: returned {what}; it must return a torch.nn.Module and a Preprocessing (or "
        "a callable from a Pillow image to a tensor)"
    )

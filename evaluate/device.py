"""Choose the device that networks run on, and set the precision and threads that it needs."""

import contextlib
import gc
import sys
from collections.abc import Iterator

import torch

from imagenetq.choices import Precision
from imagenetq.errors import UsageError
from imagenetq.remote_errors import first_line

_TURN = 1e-4
"""Seconds for which a thread may keep Python's lock while others want it."""


def choose_device(name: str | None) -> torch.device:
    """Give the device of a name such as `cuda:1` or `cpu`.

    Without a name it is the current GPU, by default the first one; or the CPU if there is no GPU.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"no device {name!r} here ({first_line(error)}); try --device cpu"
        ) from None
    return device


@contextlib.contextmanager
def exact_arithmetic(precision: Precision) -> Iterator[None]:
    """Allow TF32 if asked for, and forbid it otherwise, until the end of the block."""
    allowed = precision == "tf32"
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@contextlib.contextmanager
def host_for(device: torch.device) -> Iterator[None]:
    """Make this process a good host of a GPU until the end of the block, if the device is one.

    While a GPU computes, this process starts its work and copies. If a copy were shared out among
    threads, it would wait for cores that the workers need. If another thread of this process kept
    Python's lock for its usual turn of 5 ms, or Python looked again and again for garbage among all
    that was there before, the GPU would run dry.
    """
    if device.type != "cuda":
        yield
        return
    threads, turn, frozen = torch.get_num_threads(), sys.getswitchinterval(), gc.get_freeze_count()
    torch.set_num_threads(1)
    sys.setswitchinterval(_TURN)
    gc.freeze()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        sys.setswitchinterval(turn)
        if not frozen:
            gc.unfreeze()

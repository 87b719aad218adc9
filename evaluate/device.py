"""Run a network on a device: precision, normalisation, answers, and what to do out of memory."""

import contextlib
from collections.abc import Iterator

import torch

from imagenetq.choices import Precision
from imagenetq.errors import UsageError
from imagenetq.remote_errors import first_line


def choose_device(name: str | None) -> torch.device:
    """The device of a name such as `cuda:1` or `cpu`; the first GPU, if any, without one.

    Raises:
        UsageError: there is no such device.
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
def undivided_copies(device: torch.device) -> Iterator[None]:
    """While a GPU computes, let this process work in one thread, until the end of the block.

    All that is left to it is copying. Shared out among threads, each copy would wait for cores
    that the workers need.
    """
    before = torch.get_num_threads()
    if device.type == "cuda":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

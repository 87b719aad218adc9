"""Choose the device that networks run on, and set the precision and threads that it needs."""

import contextlib
from collections.abc import Iterator

import torch

from imagenetq.choices import Precision
from imagenetq.errors import UsageError
from imagenetq.remote_errors import first_line


def choose_device(name: str | None) -> torch.device:
    """Give the device of a name such as `cuda:1` or `cpu`.

    Without a name it is the current GPU, by default the first one; or the CPU if there is no GPU.

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
def single_threaded_copies(device: torch.device) -> Iterator[None]:
    """Keep PyTorch on the CPU to one thread until the end of the block, if the device is a GPU.

    While a GPU computes, this process only copies. If a copy were shared out among threads, it
    would wait for cores that the workers need.
    """
    before = torch.get_num_threads()
    if device.type == "cuda":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

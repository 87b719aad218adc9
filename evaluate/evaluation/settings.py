"""Define how to evaluate: what the user may choose besides models and data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch

from imagenetq.choices import Precision, Render
from imagenetq.errors import UsageError
from imagenetq.evaluate.device import choose_device
from imagenetq.progress import usable_cores

CACHE_GIGABYTES = 100.0
"""Default size of the cache, in gigabytes; all 224x224 inputs of the full set take 77 GB."""


@dataclass(frozen=True)
class Settings:
    """What a user may choose for an evaluation, besides models and data."""

    only: Sequence[str] | None = None
    """Names of variants and distortions; None takes all variants that the data hold. Clean is
    always added to the names, since relative scores need it."""

    limit: int | None = None
    """Number of photographs, balanced over classes: the first ones, or all if None."""

    precision: Precision = "fp32"
    """Precision of the arithmetic on the device; only `fp32` is ranked."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where the models run."""

    batch_size: int = 64
    """Number of images in a batch; made smaller by itself where memory runs out."""

    workers: int = 0
    """Number of processes that read, decode and preprocess; 0 does so in this process."""

    compiled: bool = False
    """Whether to compile the networks first."""

    render: Render = "auto"
    """Who renders variants of clean images: the workers (`cpu`), the device (`gpu`), or the device
    if it is a GPU and can (`auto`). The pixels are the same."""

    cache: Path | None = None
    """Folder for prepared inputs, so that a second pass over the same data with the same
    preprocessing needs no decoding; None keeps no inputs."""

    cache_bytes: int = int(CACHE_GIGABYTES * 1e9)
    """Largest size of the cache's folder, in bytes."""

    overwrite: bool = False
    """Whether to replace what another evaluation left in the same folder."""

    def __post_init__(self) -> None:
        """Refuse a precision or a way to render that there is none of."""
        choices = {"precision": (self.precision, Precision), "--render": (self.render, Render)}
        for name, (value, known) in choices.items():
            if value not in get_args(known):
                raise UsageError(f"no {name} {value!r}; there are {', '.join(get_args(known))}")

    @classmethod
    def of(
        cls,
        *,
        device: str | None = None,
        workers: int | None = None,
        cache_gigabytes: float = CACHE_GIGABYTES,
        **others: Any,
    ) -> "Settings":
        """Make settings of what a user says.

        Args:
            device: the device by name; None takes a GPU if there is one.
            workers: number of worker processes; None starts one for each core.
            cache_gigabytes: largest size of the cache's folder.
            **others: other fields, as they are.

        Raises:
            UsageError: there is no such precision, device or way to render.
        """
        settings = cls(
            device=choose_device(device),
            workers=usable_cores() if workers is None else workers,
            cache_bytes=int(cache_gigabytes * 1e9),
            **others,
        )
        if settings.render == "gpu" and settings.device.type == "cpu":
            raise UsageError("--render gpu: there is no GPU here; leave --render out")
        return settings

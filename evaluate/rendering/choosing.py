"""Who renders: the device where it gives the same pixels, else the workers."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from imagenetq.choices import Render
from imagenetq.errors import PlatformError, UsageError
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing
from imagenetq.evaluate.rendering.check import difference
from imagenetq.evaluate.rendering.cropping import can_crop
from imagenetq.evaluate.rendering.engine import Engine, engine_for
from imagenetq.progress import say
from imagenetq.torch.jpeg2000.ladder import Ladder


def choose_engine(
    render: Render,
    device: torch.device,
    data: Data,
    preprocessings: Sequence[AnyPreprocessing],
) -> Engine | None:
    """What renders on the device; None if the workers do.

    Before an engine is trusted, it renders and crops a picture that shows known differences.

    Raises:
        UsageError: the device must render, but the data are stored, or a preprocessing is one that
            it does not have.
        PlatformError: the device must render, but gives other samples.
    """
    if render == "cpu" or (render == "auto" and (device.type != "cuda" or not data.is_rendered)):
        return None
    if not data.is_rendered:
        raise UsageError("--render gpu: stored images are not rendered; give --source")
    plain = [one for one in preprocessings if isinstance(one, Preprocessing) and can_crop(one)]
    if len(plain) < len(preprocessings):
        if render == "auto":
            return None
        raise UsageError(
            "--render gpu: this model's preprocessing is not among those that are done on the "
            "device (bilinear or bicubic, to a known size); leave --render out"
        )
    engine = engine_for(device)
    say(f"preparing to render on {device}")
    problem = difference(engine, device, plain)
    if problem is None:
        return with_jpeg2000(engine, device, plain) if device.type == "cuda" else engine
    if render == "gpu":
        raise PlatformError(f"--render gpu: {problem}; leave --render out to use the workers")
    say(f"warning: {problem}; the workers render")
    return None


def with_jpeg2000(
    engine: Engine, device: torch.device, preprocessings: Sequence[Preprocessing]
) -> Engine:
    """The engine with JPEG 2000, if the GPU can have its kernels and they give the same pixels."""
    try:
        candidate = replace(engine, distortions={}, jpeg2000=Ladder(device))
        problem = difference(candidate, device, preprocessings)
    except PlatformError as reason:
        problem = str(reason)
    if problem is None:
        return replace(candidate, distortions=engine.distortions)
    say(f"warning: {problem}; the workers render JPEG 2000")
    return engine

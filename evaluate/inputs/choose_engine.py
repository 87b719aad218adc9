"""Choose who renders: the device where it gives the same pixels, else the workers."""

from collections.abc import Sequence

import numpy as np
import torch

from imagenetq.choices import Render
from imagenetq.errors import PlatformError, UsageError
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.inputs.cropping import can_crop
from imagenetq.evaluate.inputs.resize import crops_of, quickest_crop
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing, Preprocessing
from imagenetq.progress import say
from imagenetq.rendering import Rendered
from imagenetq.torch.engine import Engine, engine_for
from imagenetq.torch.engine_check import Check, difference, with_jpeg2000


def choose_engine(
    render: Render, device: torch.device, data: Data, preprocessings: Sequence[AnyPreprocessing]
) -> Engine | None:
    """Choose what renders on the device; None if the workers do.

    Before an engine is trusted, it renders and crops pictures in which known differences show.
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
    same_crops = crop_check(device, plain)
    problem = difference(engine, device, also=same_crops)
    if problem is not None:
        if render == "gpu":
            raise PlatformError(f"--render gpu: {problem}; leave --render out to use the workers")
        say(f"warning: {problem}; the workers render")
        return None
    if device.type != "cuda":
        return engine
    try:
        return with_jpeg2000(engine, device, also=same_crops)
    except PlatformError as reason:
        say(f"warning: {reason}; the workers render JPEG 2000")
        return engine


def crop_check(device: torch.device, preprocessings: Sequence[Preprocessing]) -> Check:
    """Make a function that compares the preprocessings' crops on the device with Pillow's."""
    cropped = quickest_crop(device)

    def compare(
        rendered: Sequence[torch.Tensor], references: Sequence[Sequence[Rendered]]
    ) -> str | None:
        expected = [variant for reference in references for variant in reference]
        inputs = crops_of(rendered, cropped, preprocessings)
        for one, given_inputs in zip(preprocessings, inputs, strict=True):
            for given, variant in zip(given_inputs.cpu().numpy(), expected, strict=True):
                if not np.array_equal(given, one.pixels(variant.pixels)):
                    return f"{variant.variant.name} resized and cropped"
        return None

    return compare

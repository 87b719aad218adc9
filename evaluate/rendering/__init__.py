"""Render variants where the networks run: the same pixels, and the same inputs, bit for bit.

Workers only decode the clean image; the device makes its variants, resizes and crops. JPEG 2000 is
rendered in groups of images on a GPU that can have its kernels (`imagenetq.torch.jpeg2000`), else
by the workers.
"""

from imagenetq.evaluate.rendering.choosing import choose_engine
from imagenetq.evaluate.rendering.engine import Engine
from imagenetq.evaluate.rendering.stage import Stage

__all__ = ["Engine", "Stage", "choose_engine"]

"""Render variants where the networks run: the same pixels, and the same inputs, bit for bit.

Workers only decode the clean image; the device makes blur, noise, contrast and JPEG of it, resizes
and crops. JPEG 2000 stays with the workers: its entropy coder decides the
pixels.
"""

from imagenetq.evaluate.rendering.choosing import choose_engine
from imagenetq.evaluate.rendering.engine import Engine
from imagenetq.evaluate.rendering.stage import Stage

__all__ = ["Engine", "Stage", "choose_engine"]

"""Turn an image into a network's input, as the network's authors did it.

Resizing and cropping run on Pillow images in the workers and give uint8. Scaling and normalising
run on the device, on whole batches.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagenetq.choices import Interpolation
from imagenetq.distortions import Pixels
from imagenetq.errors import ModelError

if TYPE_CHECKING:
    import torch

Size = tuple[int, int]
Colour = tuple[float, float, float]

USUAL_SIZE: Size = (224, 224)
"""(height, width) of most networks' inputs, for those whose own depends on the image."""

IMAGENET_MEAN: Colour = (0.485, 0.456, 0.406)
IMAGENET_STD: Colour = (0.229, 0.224, 0.225)


def colour(values: Iterable[Any]) -> Colour:
    """Give three numbers as a colour."""
    red, green, blue = map(float, values)
    return red, green, blue


@dataclass(frozen=True)
class Preprocessing:
    """A preprocessing in steps: resize, crop from the centre, scale to 0..1, normalise."""

    resize: int | Size | None
    """Length of the shorter side in pixels, or (height, width); None leaves the size."""

    interpolation: Interpolation
    """Pillow's filter for the resize, with antialiasing."""

    crop: Size | None
    """Size of the centre crop, (height, width); None keeps all. An image smaller than the crop is
    padded."""

    mean: Colour
    """Mean subtracted from each channel, on the scale 0..1."""

    std: Colour
    """Standard deviation by which each channel is then divided, on the scale 0..1."""

    fit: Literal["squash", "cover", "contain"] = "squash"
    """What a resize to (height, width) does: `squash` gives exactly that size, whatever the
    image's shape was; `cover` keeps the shape and leaves no part of the area empty; `contain`
    keeps the shape and stays inside the area. These are timm's crop modes."""

    corner: Literal["nearest", "down"] = "nearest"
    """Rounding of a crop's corner: to the nearest pixel, half to even, as torchvision and timm do,
    or down, as transformers does."""

    fill: tuple[int, int, int] = (0, 0, 0)
    """Colour of the padding: red, green and blue, 0 to 255."""

    @property
    def input_size(self) -> Size | None:
        """(height, width) of every input; None if it depends on the image."""
        if self.crop is not None:
            return self.crop
        return self.resize if isinstance(self.resize, tuple) and self.fit == "squash" else None

    def pixels(self, picture: Pixels) -> Pixels:
        """Resize and crop an RGB image, uint8 of shape (height, width, 3); give uint8 again."""
        image = Image.fromarray(picture)
        if self.resize is not None:
            image = self._resample(image, self.resized(image.width, image.height))
        if self.crop is not None:
            left, top = self.corner_of(self.crop, image.size)
            cropped = Image.new("RGB", self.crop[::-1], self.fill)
            cropped.paste(image, (-left, -top))
            image = cropped
        # A copy, because Pillow's own view is read-only and torch warns of such arrays.
        return np.array(image)

    def record(self) -> dict[str, Any]:
        """Give the preprocessing as plain JSON data, for the entry."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def resized(self, width: int, height: int) -> Size:
        """Give (width, height) after resizing, with each library's own rounding."""
        if self.resize is None:
            return width, height
        if isinstance(self.resize, int):
            # This is torchvision's and transformers' arithmetic.
            short, long = sorted((width, height))
            longer = int(self.resize * long / short)
            return (self.resize, longer) if height >= width else (longer, self.resize)
        target_height, target_width = self.resize
        if self.fit == "squash":
            return target_width, target_height
        # This is the arithmetic of timm's ResizeKeepRatio.
        ratios = height / target_height, width / target_width
        ratio = min(ratios) if self.fit == "cover" else max(ratios)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def corner_of(self, crop: Size, size: Size) -> tuple[int, int]:
        """Give a crop's (left, top) in the resized image, negative where the image is padded.

        The crop is (height, width), the size after resizing (width, height).
        """
        return self._corner(size[0], crop[1]), self._corner(size[1], crop[0])

    def _resample(self, image: Image.Image, size: Size) -> Image.Image:
        return image.resize(size, Image.Resampling[self.interpolation.upper()])

    def _corner(self, length: int, wanted: int) -> int:
        if self.corner == "down":
            return (length - wanted) // 2
        if length < wanted:
            # torchvision pads before it crops, and puts the odd pixel at the end.
            return -((wanted - length) // 2)
        return round((length - wanted) / 2)


@dataclass(frozen=True)
class OpaquePreprocessing:
    """A callable that does everything; used where no `Preprocessing` gives the same samples."""

    transform: Callable[[Image.Image], Any]
    """Callable from a Pillow image in RGB to a normalised tensor or array, float32 of shape
    (3, height, width). It must be picklable, because it runs in worker processes."""

    input_size: Size | None = None
    """(height, width) of every input; None if unknown."""

    def pixels(self, picture: Pixels) -> NDArray[np.float32]:
        """Turn an RGB image of shape (height, width, 3) into float32 of shape (3, height, width).

        Raises:
            ModelError: the callable gives something else.
        """
        values: NDArray[np.float32] = np.require(
            self.transform(Image.fromarray(picture)), requirements="W"
        )
        if values.ndim != 3 or values.shape[0] != 3 or values.dtype != np.float32:
            raise ModelError(
                f"the preprocessing {self.record()['callable']} gave {values.dtype} of shape "
                f"{values.shape}; it must give float32 of shape (3, height, width)"
            )
        return values

    def record(self) -> dict[str, Any]:
        """Give what is known about the callable as plain JSON data, for the entry."""
        name = getattr(self.transform, "__qualname__", None)
        if name is not None:
            return {"callable": f"{self.transform.__module__}.{name}"}
        # Addresses differ from run to run.
        text = re.sub(r" at 0x[0-9a-f]+", "", repr(self.transform))
        return {"callable": " ".join(text.split())}


AnyPreprocessing = Preprocessing | OpaquePreprocessing


def normalise(batch: "torch.Tensor", preprocessing: AnyPreprocessing) -> "torch.Tensor":
    """Scale and normalise a batch of what `pixels` gave, on the device where it is.

    The operations are torchvision's `to_tensor` and `normalize`, in their order, so on a CPU the
    samples equal torchvision's. From uint8 of shape (n, height, width, 3) they make float32 of
    shape (n, 3, height, width), in channels-last memory, which costs nothing here. A batch of an
    opaque preprocessing is given back as it is.
    """
    import torch

    if isinstance(preprocessing, OpaquePreprocessing):
        return batch
    mean, std = _constants(preprocessing.mean, preprocessing.std, batch.device)
    inputs = batch.permute(0, 3, 1, 2).to(torch.float32)
    return inputs.div_(255).sub_(mean).div_(std)


@cache
def _constants(
    mean: Colour, std: Colour, device: "torch.device"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    # The constants are kept, because copying even three numbers to a GPU waits for it.
    import torch

    with torch.inference_mode(False):
        return (
            torch.tensor(mean, device=device).view(3, 1, 1),
            torch.tensor(std, device=device).view(3, 1, 1),
        )

"""Render batches on the device where they are: the pixels of `imagenetq.render`, bit for bit."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from imagenetq.errors import MissingPackage, PlatformError, UsageError
from imagenetq.progress import say
from imagenetq.rendering import render_ladder
from imagenetq.specification import CLEAN, Value, Variant, variant
from imagenetq.torch.batches import AnyImages, Channels, Pictures
from imagenetq.torch.engine import JPEG2000, TENSORS, Engine, GroupRenderer, copy_all, engine_for
from imagenetq.torch.engine_check import difference, with_jpeg2000
from imagenetq.torch.original import ImageTable, Originals
from imagenetq.torch.transfer import current_device

_MOST_IMAGES = 2**14
"""Most images at once: a GPU starts kernels for up to 65,535."""


class _Wanted(NamedTuple):
    """An image to render, uint8 of shape (height, width, 3), and where its variant goes."""

    picture: torch.Tensor
    out: torch.Tensor
    variant: Variant
    image_id: str

    @property
    def value(self) -> Value:
        """The value of the variant's parameter; 0 if it is clean."""
        return 0 if self.variant.value is None else self.variant.value


def render(
    images: AnyImages,
    names: str | Sequence[str],
    *,
    image_ids: str | Sequence[str] | None = None,
    channels: Channels = "first",
) -> AnyImages:
    """Render a batch on the device where it is.

    On a GPU, kernels render. They need Triton, and those for JPEG 2000 need CUDA's run-time
    compiler; without it, the reference renders JPEG 2000 on the CPU. On other devices torch's
    operations render, and the reference JPEG 2000. Whatever renders on another device than the CPU
    is checked against the reference before it is first trusted.

    Args:
        images: uint8; a tensor of shape (n, 3, height, width) in any memory format, one image of
            shape (3, height, width), or a list of such images of different sizes.
        names: the variant of all images, such as `"jpeg-10"`, or one for each.
        image_ids: the id of each image, which keys its noise; only noise needs them. The id of an
            ImageNet photograph is its file's stem, such as `"ILSVRC2012_val_00000293"`.
        channels: `"first"`, or `"last"` for shapes (n, height, width, 3) and (height, width, 3).

    Returns:
        New tensors of the same form, memory format and device.

    Raises:
        UsageError: there is no such variant, images have another type or shape, the batch is
            empty, noise is given no ids, or ids or variants are not as many as images.
        MissingPackage: the images are on a GPU, and Triton is not installed.
        PlatformError: this device gives other pixels than the reference.
    """
    pictures = Pictures.of(images, channels)
    variants = [variant(name) for name in _names(names, len(pictures))]
    ids = _ids(image_ids, variants)
    rendered = pictures.given_back(render_pictures(pictures, variants, ids))
    return cast(AnyImages, rendered)


def render_pictures(
    pictures: Pictures, variants: Sequence[Variant], ids: Sequence[str]
) -> list[torch.Tensor]:
    """Render each picture as one variant; `variants` and `ids` have one entry for each.

    Each group of pictures becomes a tensor of its shape.
    """
    rendered = [torch.empty_like(group) for group in pictures.groups]
    originals, out = Originals(ImageTable.of(pictures.groups), ids), ImageTable.of(rendered)
    wanted: defaultdict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(variants):
        wanted[one.distortion].append(index)
    with torch.no_grad(), current_device(pictures.device):
        engine = trusted_engine(pictures.device) if wanted.keys() - {CLEAN} else TENSORS
        for distortion, listed in wanted.items():
            indices = np.array(listed)
            if distortion == CLEAN:
                copy_all(out.take(indices), originals.images.take(indices))
            elif distortion in engine.distortions:
                values = np.array([[variants[index].value] for index in listed], np.float64)
                render_all = engine.distortions[distortion]
                for some in _bounded(originals.images.n_samples[indices], engine.samples_at_once):
                    rows = indices[some]
                    render_all(originals.take(rows), values[some], out.take(rows))
            else:
                images = [
                    _Wanted(
                        originals.images.images(index)[0],
                        out.images(index)[0],
                        variants[index],
                        ids[index],
                    )
                    for index in listed
                ]
                renderer = jpeg2000_on(pictures.device) if distortion == JPEG2000 else None
                _render_in_groups(images, renderer)
    return rendered


def _bounded(sizes: NDArray[np.int64], at_once: int) -> Iterator[slice]:
    """Cut a row of images into runs of up to such a size in all; a larger image is alone."""
    start = total = 0
    for index, n in enumerate(sizes.tolist()):
        if index > start and (total + n > at_once or index - start == _MOST_IMAGES):
            yield slice(start, index)
            start, total = index, 0
        total += n
    yield slice(start, len(sizes))


@cache
def trusted_engine(device: torch.device) -> Engine:
    """Give the engine for a device, once it has rendered what the reference does."""
    if device.type == "cpu":
        return TENSORS
    if device.type == "cuda" and find_spec("triton") is None:
        raise MissingPackage(
            f"rendering on {device} needs Triton, which is not installed; pip install triton, or "
            "give tensors on the CPU"
        )
    engine = engine_for(device)
    problem = difference(engine, device)
    if problem is not None:
        raise PlatformError(f"{problem}; give tensors on the CPU")
    return engine


@cache
def jpeg2000_on(device: torch.device) -> GroupRenderer | None:
    """Give what renders JPEG 2000 on a device; None leaves it to the reference."""
    if device.type != "cuda":
        return None
    try:
        return with_jpeg2000(trusted_engine(device), device).jpeg2000
    except PlatformError as reason:
        say(f"warning: {reason}; the CPU renders JPEG 2000")
        return None


def _render_in_groups(wanted: Sequence[_Wanted], renderer: GroupRenderer | None) -> None:
    queued = []
    n_pixels = np.array([one.picture.numel() // 3 for one in wanted])
    at_once = int(n_pixels.sum()) if renderer is None else renderer.pixels_at_once
    for some in _bounded(n_pixels, at_once):
        group = wanted[some]
        if renderer is None or group[0].picture.numel() // 3 > renderer.most_pixels:
            for one in group:
                pixels = one.picture.cpu().numpy()
                (rendered,) = render_ladder(pixels, image_id=one.image_id, only=[one.variant])
                one.out.copy_(torch.tensor(rendered.pixels))
            continue
        targets = sorted({one.value for one in group})
        rendering = renderer.queue([one.picture for one in group], targets)
        for one, levels in zip(group, rendering.levels, strict=True):
            one.out.copy_(levels[targets.index(one.value)])
        queued.append(rendering)
    if queued:
        # Only then is the report of the kernels on the host.
        torch.cuda.current_stream().synchronize()
    for rendering in queued:
        rendering.check()


def _names(given: str | Sequence[str], n: int) -> list[str]:
    if isinstance(given, str):
        return [given] * n
    names = _texts(given, "variants")
    if len(names) != n:
        raise UsageError(f"{len(names)} variants for {n} images; give one for each, or one for all")
    return names


def _ids(image_ids: str | Sequence[str] | None, variants: Sequence[Variant]) -> list[str]:
    if image_ids is None:
        if any(variant.distortion == "noise" for variant in variants):
            raise UsageError(
                "noise is keyed by the image: give image_ids, one for each image, such as its "
                "file's stem"
            )
        return [""] * len(variants)
    ids = [image_ids] if isinstance(image_ids, str) else _texts(image_ids, "image_ids")
    if len(ids) != len(variants):
        raise UsageError(f"{len(ids)} image_ids for {len(variants)} images; give one for each")
    return ids


def _texts(given: Any, what: str) -> list[str]:
    listed = list(given) if isinstance(given, Iterable) else [given]
    for one in listed:
        if not isinstance(one, str):
            raise UsageError(f"{what} are texts, not {one!r}")
    return listed

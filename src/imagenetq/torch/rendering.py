"""Render batches of tensors where they are: the pixels of `imagenetq.render`, bit for bit."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch

from imagenetq.distortions import Original as Reference
from imagenetq.distortions.jpeg2000 import jpeg2000
from imagenetq.errors import MissingPackage, PlatformError, UsageError
from imagenetq.progress import say
from imagenetq.specification import CLEAN, Value, Variant, variant
from imagenetq.torch.batches import Channels, Images, Pictures
from imagenetq.torch.engine import JPEG2000, TENSORS, Engine, GroupRenderer, engine_for
from imagenetq.torch.engine_check import difference, with_jpeg2000
from imagenetq.torch.original import Original, Originals
from imagenetq.torch.transfer import made_current, table_on

_NOISE = "noise"

_Waiting = tuple[torch.Tensor, torch.Tensor, Value]
"""A picture, uint8 of shape (height, width, 3), where it goes, and its PSNR target."""


def render(
    images: Images,
    names: str | Sequence[str],
    *,
    image_ids: str | Sequence[str] | None = None,
    channels: Channels = "first",
) -> Images:
    """Render a batch, on the device where it is.

    On a GPU kernels render, which need Triton, and for JPEG 2000 CUDA's run-time compiler; they are
    checked against the reference before they are first trusted. Elsewhere tensors do, and the
    reference for JPEG 2000.

    Args:
        images: uint8; a tensor of shape (n, 3, height, width) in any memory format, one image of
            shape (3, height, width), or a list of such images of different sizes.
        names: the variant of all, such as `"jpeg-10"`, or one for each image.
        image_ids: of each image, key the noise; only noise needs them. For an ImageNet image it
            is the file's stem, such as `"ILSVRC2012_val_00000293"`.
        channels: `"first"`, or `"last"` for shapes (n, height, width, 3) and (height, width, 3).

    Returns:
        New tensors of the same form, memory format and device.

    Raises:
        UsageError: no such variant, images of another type or shape, an empty batch, noise without
            ids, or ids or variants of another number than the images.
        MissingPackage: the images are on a GPU, and Triton is not installed.
        PlatformError: this device gives other pixels than the reference.
    """
    pictures = Pictures.of(images, channels)
    variants = [variant(name) for name in _for_each(names, len(pictures), "variants")]
    ids = _ids(image_ids, variants)
    return pictures.given_back(render_pictures(pictures, variants, ids))


def render_pictures(
    pictures: Pictures, variants: Sequence[Variant], ids: Sequence[str]
) -> list[torch.Tensor]:
    """Render each picture as one variant.

    Args:
        pictures: uint8.
        variants: of each.
        ids: of each, to key the noise.

    Returns:
        For each group, uint8 of its shape.
    """
    rendered = [torch.empty_like(group) for group in pictures.groups]
    wanted = {variant.distortion for variant in variants} - {CLEAN}
    with torch.no_grad(), made_current(pictures.device):
        engine = trusted_engine(pictures.device) if wanted else TENSORS
        waiting: list[_Waiting] = []
        start = 0
        for group, out in zip(pictures.groups, rendered, strict=True):
            stop = start + len(group)
            waiting += _render_group(group, out, variants[start:stop], ids[start:stop], engine)
            start = stop
        if waiting:
            _render_jpeg2000(waiting, jpeg2000_on(pictures.device))
    return rendered


def _render_group(
    group: torch.Tensor,
    out: torch.Tensor,
    variants: Sequence[Variant],
    ids: Sequence[str],
    engine: Engine,
) -> list[_Waiting]:
    """Render pictures of one size, all but JPEG 2000, which is given back."""
    waiting: list[_Waiting] = []
    together: dict[str, list[int]] = {}
    for place, (one, image_id) in enumerate(zip(variants, ids, strict=True)):
        if one.value is None:
            out[place].copy_(group[place])
        elif one.distortion == JPEG2000:
            waiting.append((group[place], out[place], one.value))
        elif one.distortion in engine.in_batches and len(group) > 1:
            together.setdefault(one.distortion, []).append(place)
        else:
            original = Original(group[place], image_id)
            engine.distortions[one.distortion](original, [one.value], out[place : place + 1])
    at_once = max(1, engine.samples_at_once // group[0].numel())
    for distortion, places in together.items():
        for first in range(0, len(places), at_once):
            some = places[first : first + at_once]
            values = [value for place in some if (value := variants[place].value) is not None]
            # A slice of all is no copy.
            whole = len(some) == len(group)
            rows = slice(None) if whole else table_on(np.array(some), group.device)
            originals = Originals(group[rows], [ids[place] for place in some])
            distorted = out if whole else torch.empty_like(originals.pixels)
            engine.in_batches[distortion](originals, values, distorted)
            if not whole:
                out[rows] = distorted
    return waiting


@cache
def trusted_engine(device: torch.device) -> Engine:
    """The engine for a device, once it has rendered what the reference does.

    Raises:
        MissingPackage: it is a GPU, and Triton is not installed.
        PlatformError: it renders something else, or fails.
    """
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
    """What renders JPEG 2000 on a device; None leaves it to the reference."""
    if device.type != "cuda":
        return None
    try:
        return with_jpeg2000(trusted_engine(device), device).jpeg2000
    except PlatformError as reason:
        say(f"warning: {reason}; the CPU renders JPEG 2000")
        return None


def _render_jpeg2000(waiting: Sequence[_Waiting], renderer: GroupRenderer | None) -> None:
    queued = []
    for group in [waiting] if renderer is None else _parts(waiting, renderer):
        n_pixels = max(picture.numel() // 3 for picture, _, _ in group)
        if renderer is None or n_pixels > renderer.most_pixels:
            _by_reference(group)
            continue
        targets = sorted({target for _, _, target in group})
        rendering = renderer.queue([picture for picture, _, _ in group], targets)
        for (_, out, target), levels in zip(group, rendering.levels, strict=True):
            out.copy_(levels[targets.index(target)])
        queued.append(rendering)
    if queued:
        # What the kernels report is on the host only then.
        torch.cuda.current_stream().synchronize()
    for rendering in queued:
        rendering.check()


def _parts(waiting: Sequence[_Waiting], renderer: GroupRenderer) -> Iterator[list[_Waiting]]:
    """As many at once as there is memory for."""
    part: list[_Waiting] = []
    n_pixels = 0
    for one in waiting:
        size = one[0].numel() // 3
        if part and n_pixels + size > renderer.pixels_at_once:
            yield part
            part, n_pixels = [], 0
        part.append(one)
        n_pixels += size
    yield part


def _by_reference(group: Sequence[_Waiting]) -> None:
    for picture, out, target in group:
        (distorted,) = jpeg2000(Reference(np.ascontiguousarray(picture.cpu().numpy())), [target])
        out.copy_(torch.tensor(distorted.pixels))


def _for_each(given: str | Sequence[str], n: int, what: str) -> list[str]:
    if isinstance(given, str):
        return [given] * n
    listed = list(given)
    if len(listed) != n:
        raise UsageError(f"{len(listed)} {what} for {n} images; give one for each, or one for all")
    return listed


def _ids(image_ids: str | Sequence[str] | None, variants: Sequence[Variant]) -> list[str]:
    if image_ids is None:
        if any(variant.distortion == _NOISE for variant in variants):
            raise UsageError(
                "noise is keyed by the image: give image_ids, one for each image, such as its "
                "file's stem"
            )
        return [""] * len(variants)
    ids = [image_ids] if isinstance(image_ids, str) else list(image_ids)
    if len(ids) != len(variants):
        raise UsageError(f"{len(ids)} image_ids for {len(variants)} images; give one for each")
    for one in ids:
        if not isinstance(one, str):
            raise UsageError(f"an image's id is a text, not {one!r}")
    return ids

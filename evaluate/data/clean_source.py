"""Clean images, rendered on the fly by the reference distortions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from imagenetq import classes
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.evaluate.data.base import Data, Identity, Sample, Task, Undistorted
from imagenetq.evaluate.data.originals import Originals
from imagenetq.evaluate.data.wanted import require_wanted
from imagenetq.manifest import BadImageNote
from imagenetq.progress import working
from imagenetq.record import pixel_sha256
from imagenetq.rendering import render_ladder
from imagenetq.selection import RankedImage, SourceImage, select, subset_of
from imagenetq.selfcheck import check_platform
from imagenetq.specification import (
    CLEAN,
    DATASET_VERSION,
    Variant,
    select_variants,
    specification_digest,
    variants,
)

_UNIT = 25
"""Images a task: few, because all their variants are lost when an evaluation is interrupted."""

_MIN_TASKS = 64
"""Tasks that even a small source is cut into if it can be, so that every worker has some."""


class Source(Protocol):
    """What a source of ImageNet images does; the builder's sources do. Picklable."""

    @property
    def kind(self) -> str:
        """What it is, for messages."""

    @property
    def default_subset(self) -> str:
        """What is evaluated of it unless the user says otherwise."""

    @property
    def is_remote(self) -> bool:
        """Whether originals must be fetched before they can be read."""

    def images(self) -> Sequence[SourceImage]:
        """All images, unread."""

    def fetch(
        self, images: Sequence[SourceImage], folder: Path, advance: Callable[[int], None]
    ) -> None:
        """Bring remote originals to a folder, before workers read them."""

    def read(self, image: SourceImage) -> bytes:
        """The original file's bytes."""


class CleanSource(Data):
    """A source's subset; a task is some of its photographs, each in all variants wanted."""

    is_rendered = True

    def __init__(
        self,
        source: Source,
        *,
        originals: Path,
        subset: str | None = None,
        allow_short: bool = False,
        skip_bad: bool = False,
    ) -> None:
        """List the source and choose the subset's images.

        Args:
            source: where the clean images come from.
            originals: where to keep the images of a remote source.
            subset: `full` or `mini`; the source's default if left out.
            allow_short: take classes with too few photographs as they are.
            skip_bad: leave bad photographs out, as `build` does, instead of refusing the source.

        Raises:
            UsageError: no such subset, or `sample` of anything but the sample.
            SourceError: the source cannot be read, or has too few photographs.
            PlatformError: this machine renders other pixels.
        """
        check_platform()
        subset = subset_of(subset, source.default_subset)
        with working("listing the photographs"):
            images = select(source.images(), subset, allow_short=allow_short).images
        self._source = source
        self._originals = Originals(source, images, originals, skip_bad=skip_bad)
        self.variants = variants()
        self.identity = Identity(
            dataset_version=DATASET_VERSION,
            specification_digest=specification_digest(),
            source_digest=None,
            subset=subset,
            n_images=None if skip_bad else len(images),
        )

    @property
    def bad_images(self) -> tuple[BadImageNote, ...]:
        """The originals that were left out of the tasks made so far."""
        return self._originals.bad

    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        """One task for at most 25 images, once all are found good, or the bad ones left out.

        Raises:
            SourceError: images are bad, and each one has been named; or one could not be fetched.
        """
        require_wanted(self.variants, variants, limit, self._source.kind)
        images = self._originals.good(limit)
        names = tuple(variant.name for variant in variants)
        unit_size = max(1, min(_UNIT, len(images) // _MIN_TASKS))
        return [
            RenderTask(
                key=f"images-{number:05d}-{_digest(unit)}",
                n_samples=len(unit) * len(names),
                source=self._source,
                images=unit,
                variants=names,
            )
            for number, start in enumerate(range(0, len(images), unit_size))
            if (unit := images[start : start + unit_size])
        ]


def _digest(images: Sequence[RankedImage]) -> str:
    """Of ids and classes: what was finished of other images, as of mended ones, is not ours."""
    lines = "".join(f"{image.image_id}\t{image.wnid}\n" for image in images)
    return sha256(lines.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class RenderTask(Task):
    """Some images, each rendered in all variants that are wanted."""

    key: str
    """The number of the unit, and which images it holds."""

    n_samples: int | None
    """Images times variants."""

    source: Source
    """Where to read the originals."""

    images: tuple[RankedImage, ...]
    """In row order."""

    variants: tuple[str, ...]
    """Their names."""

    on_device: Mapping[str, float] = field(default_factory=dict)
    """Those of them that the device renders, of images of up to so many pixels."""

    def rendered_on_device(self, most_pixels: Mapping[str, float]) -> "RenderTask":
        """The same task, which leaves variants to the device."""
        return replace(self, on_device=dict(most_pixels))

    def fingerprint(self) -> str:
        """Of the original files' bytes, and of what is made of them."""
        digest = sha256(f"{specification_digest()}\t{','.join(self.variants)}\n".encode())
        for image in self.images:
            data = sha256(self.source.read(image)).hexdigest()
            digest.update(f"{image.image_id}\t{image.wnid}\t{data}\n".encode())
        return digest.hexdigest()

    def samples(self) -> Iterator[Sample]:
        """Image by image, each up its ladder.

        Raises:
            BadImage: an original can no longer be read or decoded.
            PlatformError: it cannot be rendered here.
        """
        for image in self.images:
            yield from self._distorted(self._clean(image), image, self.variants)

    def items(self) -> Iterator[Sample | Undistorted]:
        """Image by image: first itself, for the device, then what the device does not render.

        Raises:
            BadImage: an original can no longer be read or decoded.
            PlatformError: it cannot be rendered here.
        """
        for image in self.images:
            clean = self._clean(image)
            n_pixels = clean.shape[0] * clean.shape[1]
            there = tuple(name for name in self.variants if n_pixels <= self.on_device.get(name, 0))
            here = tuple(name for name in self.variants if name not in there)
            if there:
                yield Undistorted(
                    image_id=image.image_id,
                    wnid=image.wnid,
                    label=classes.labels()[image.wnid],
                    pixels=clean,
                    pixel_sha256=pixel_sha256(clean),
                    variants=there,
                )
            if here:
                yield from self._distorted(clean, image, here)

    def _clean(self, image: RankedImage) -> Pixels:
        return decode(self.source.read(image), image.name)

    def _distorted(
        self, clean: Pixels, image: RankedImage, names: Sequence[str]
    ) -> Iterator[Sample]:
        ladder = select_variants(names)
        for rendered in render_ladder(clean, image_id=image.image_id, only=ladder):
            name = rendered.variant.name
            yield Sample(
                image_id=image.image_id,
                wnid=image.wnid,
                variant=name,
                label=classes.labels()[image.wnid],
                pixels=rendered.pixels,
                # The source's digest is made of them.
                pixel_sha256=pixel_sha256(rendered.pixels) if name == CLEAN else None,
            )

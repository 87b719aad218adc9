"""Render the variants of a source's photographs on the fly, by the reference distortions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from imagenetq import classes
from imagenetq.decoding import decode
from imagenetq.evaluate.data.base import CleanImage, Data, Identity, Sample, SampleInfo, Task
from imagenetq.evaluate.data.photographs import Photographs, Source
from imagenetq.manifest import BadImageNote
from imagenetq.progress import working
from imagenetq.record import pixel_sha256
from imagenetq.rendering import render_ladder
from imagenetq.selection import RankedImage, select, subset_of
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
"""Most photographs in a task: few, because an interrupted evaluation loses its unfinished tasks."""

_MIN_TASKS = 64
"""Number of tasks that even a small source is cut into if it can be, so that no worker is idle."""


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
        """List the source and choose the subset's photographs.

        Args:
            source: where the photographs come from.
            originals: folder that keeps the photographs of a remote source.
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
        self._photographs = Photographs(source, images, originals, skip_bad=skip_bad)
        self.variants = variants()
        self.identity = Identity(
            dataset_version=DATASET_VERSION,
            specification_digest=specification_digest(),
            subset=subset,
            n_images=None if skip_bad else len(images),
        )

    @property
    def bad_images(self) -> tuple[BadImageNote, ...]:
        """The photographs that were left out of the tasks made so far."""
        return self._photographs.bad

    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        """Make tasks of at most 25 photographs, after decoding all of them to find the bad ones.

        Raises:
            SourceError: photographs are bad and were not to be left out, and each one has been
                named; or none is good; or one could not be fetched.
        """
        self._require_available(variants, limit, self._source.kind)
        images = self._photographs.good(limit)
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
    """Hash ids and classes, so that a task of other photographs has another key.

    They differ, for example, after bad photographs were mended.
    """
    lines = "".join(f"{image.image_id}\t{image.wnid}\n" for image in images)
    return sha256(lines.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class RenderTask(Task):
    """Some photographs, each rendered in all variants that are wanted."""

    key: str
    """Number of the task, and a digest of the photographs that it holds."""

    n_samples: int | None
    """Number of photographs times number of variants."""

    source: Source

    images: tuple[RankedImage, ...]
    """Photographs of the task, in row order."""

    variants: tuple[str, ...]
    """Names of the variants wanted."""

    on_device: Mapping[str, float] = field(default_factory=dict)
    """Variants that the device renders, by name, each with the most pixels that a photograph may
    have."""

    def rendered_on_device(self, most_pixels: Mapping[str, float]) -> "RenderTask":
        """Make the same task, but leave variants to the device."""
        return replace(self, on_device=dict(most_pixels))

    def fingerprint(self) -> str:
        """Hash the bytes of the photographs' files, the specification and the variants' names."""
        digest = sha256(f"{specification_digest()}\t{','.join(self.variants)}\n".encode())
        for image in self.images:
            data = sha256(self.source.read(image)).hexdigest()
            digest.update(f"{image.image_id}\t{image.wnid}\t{data}\n".encode())
        return digest.hexdigest()

    def samples(self) -> Iterator[Sample]:
        """Yield samples photograph by photograph, each in its variants in ladder order."""
        for image in self.images:
            yield from self._distorted(self._clean(image), self.variants)

    def items(self) -> Iterator[Sample]:
        """Yield each photograph for the device, and then its samples that the device leaves."""
        for image in self.images:
            clean = self._clean(image)
            n_pixels = clean.pixels.size // 3
            there = tuple(name for name in self.variants if n_pixels <= self.on_device.get(name, 0))
            here = tuple(name for name in self.variants if name not in there)
            if there:
                yield CleanImage(clean.info, clean.pixels, there)
            if here:
                yield from self._distorted(clean, here)

    def _clean(self, image: RankedImage) -> Sample:
        pixels = decode(self.source.read(image), image.name)
        info = SampleInfo(
            task=self.key,
            image_id=image.image_id,
            wnid=image.wnid,
            variant=CLEAN,
            label=classes.labels()[image.wnid],
            short_side=min(pixels.shape[:2]),
            # The source's digest is made of the clean images' hashes.
            pixel_sha256=pixel_sha256(pixels),
        )
        return Sample(info, pixels)

    def _distorted(self, clean: Sample, names: Sequence[str]) -> Iterator[Sample]:
        ladder = select_variants(names)
        infos = clean.info.of_variants([variant.name for variant in ladder])
        distorted = render_ladder(clean.pixels, image_id=clean.info.image_id, only=ladder)
        for info, rendered in zip(infos, distorted, strict=True):
            yield Sample(info, rendered.pixels)

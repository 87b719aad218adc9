"""Get the pixels of one photograph in the variants that a figure shows."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from imagenetq import classes
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.errors import EntryError, FolderError, SourceError
from imagenetq.evaluate.data.base import Data, Sample, Task
from imagenetq.evaluate.data.photographs import Source
from imagenetq.evaluate.data.rows import samples
from imagenetq.evaluate.data.shard_task import ShardTask
from imagenetq.evaluate.results.result import Result
from imagenetq.progress import meter
from imagenetq.rendering import render_ladder
from imagenetq.selfcheck import check_platform
from imagenetq.specification import CLEAN, select_variants, variant


@dataclass(frozen=True, eq=False)
class Picture:
    """One photograph in several variants."""

    image_id: str
    """Id of the photograph."""

    label: int
    """The true class, 0 to 999."""

    pixels: dict[str, Pixels]
    """The pixels by the variant's name; each uint8 RGB of shape (height, width, 3)."""


Pictures = Callable[[str, Sequence[str]], Picture]
"""A function that gets the picture of an image id in the variants named, and in clean always."""


def pictures_of_source(source: Source) -> Pictures:
    """Make a function that renders pictures by the reference distortions from a source's originals.

    It raises SourceError if the source does not hold the photograph.
    """

    def picture(image_id: str, names: Sequence[str]) -> Picture:
        image = next((image for image in source.images() if image.image_id == image_id), None)
        if image is None:
            raise SourceError(
                f"the source holds no photograph {image_id!r}; give the --source that the "
                "entries are of"
            )
        if source.is_remote:
            with TemporaryDirectory() as folder, meter("fetching", 1, "photographs") as progress:
                source.fetch([image], Path(folder), progress.advance)
                data = source.read(image)
        else:
            data = source.read(image)
        clean = decode(data, image.name)
        pixels = _rendered(clean, image_id, [CLEAN, *names])
        return Picture(image_id, classes.labels()[image.wnid], pixels)

    return picture


def pictures_of_data(data: Data) -> Pictures:
    """Make a function that reads pictures from a built dataset, each image compared with its hash.

    Variants that the dataset does not hold are rendered from its clean image, which gives the same
    pixels. The function raises FolderError if the dataset does not hold the photograph.
    """
    held = {v.name for v in data.variants}

    def picture(image_id: str, names: Sequence[str]) -> Picture:
        found: dict[str, Sample] = {}
        place = 0
        for name in dict.fromkeys([CLEAN, *(name for name in names if name in held)]):
            tasks = list(data.tasks([variant(name)]))
            # A photograph has the same place in all variants, so only clean needs a search.
            order = sorted(range(len(tasks)), key=lambda number: number != place)
            for number in order:
                with closing(_rows_of(tasks[number], image_id)) as rows:
                    sample = next(rows, None)
                if sample is not None:
                    found[name], place = sample, number
                    break
            else:
                raise FolderError(
                    f"the dataset holds no photograph {image_id!r} ({name}); give the --data that "
                    "the entries are of"
                )
        pixels = {name: sample.pixels for name, sample in found.items()}
        if missing := [name for name in names if name not in pixels]:
            pixels |= _rendered(pixels[CLEAN], image_id, missing)
        return Picture(image_id, found[CLEAN].info.label, pixels)

    return picture


def require_same_picture(picture: Picture, result: Result) -> None:
    """Refuse a picture of another photograph than the predictions have under its id."""
    predictions = result.predictions
    row = predictions.image_ids.index(picture.image_id)
    short_side = min(picture.pixels[CLEAN].shape[:2])
    if (picture.label, short_side) != (predictions.labels[row], predictions.short_sides[row]):
        raise EntryError(
            f"{picture.image_id}: has another class or size here than in the entries; give the "
            "source or dataset that they were computed on"
        )


def _rendered(clean: Pixels, image_id: str, names: Sequence[str]) -> dict[str, Pixels]:
    check_platform()
    rendered = render_ladder(clean, image_id=image_id, only=select_variants(names))
    return {held.variant.name: held.pixels for held in rendered}


def _rows_of(task: Task, image_id: str) -> Generator[Sample, None, None]:
    if not isinstance(task, ShardTask):
        yield from (sample for sample in task.samples() if sample.info.image_id == image_id)
        return
    # Of the shard's hundred rows only this one must be decoded and checked.
    rows = (row for row in task.shard.rows(task.patience) if row.fields.get("image_id") == image_id)
    expected = replace(task.expected, check_pixels="all")
    yield from samples(rows, task.shard.address, expected, task.key)

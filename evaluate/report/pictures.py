"""Choose the photograph that figures show, get its pixels, and look up the answers to it."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from imagenetq import classes
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.errors import EntryError, FolderError, SourceError, UsageError
from imagenetq.evaluate.data.base import Data, Sample, Task
from imagenetq.evaluate.data.photographs import Source
from imagenetq.evaluate.data.rows import samples
from imagenetq.evaluate.data.shard_task import ShardTask
from imagenetq.evaluate.results.basis import require_one_dataset
from imagenetq.evaluate.results.result import Result
from imagenetq.predictions import Predictions
from imagenetq.progress import meter
from imagenetq.rendering import render_ladder
from imagenetq.selfcheck import check_platform
from imagenetq.specification import CLEAN, select_variants, variant
from imagenetq.words import did_you_mean


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
    available = {v.name for v in data.variants}

    def picture(image_id: str, names: Sequence[str]) -> Picture:
        samples_of: dict[str, Sample] = {}
        position = 0
        for name in dict.fromkeys([CLEAN, *(name for name in names if name in available)]):
            tasks = list(data.tasks([variant(name)]))
            # A photograph has the same position in all variants, so only clean needs a search.
            order = sorted(range(len(tasks)), key=lambda number: number != position)
            for number in order:
                with closing(_rows_of(tasks[number], image_id)) as rows:
                    sample = next(rows, None)
                if sample is not None:
                    samples_of[name], position = sample, number
                    break
            else:
                raise FolderError(
                    f"the dataset holds no photograph {image_id!r} ({name}); give the --data that "
                    "the entries are of"
                )
        pixels = {name: sample.pixels for name, sample in samples_of.items()}
        if missing := [name for name in names if name not in pixels]:
            pixels |= _rendered(pixels[CLEAN], image_id, missing)
        return Picture(image_id, samples_of[CLEAN].info.label, pixels)

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


@dataclass(frozen=True)
class Answer:
    """One network's answer to one image."""

    label: int
    """The likeliest class, 0 to 999."""

    is_right: bool
    """Whether the likeliest class is the true one."""

    confidence: float
    """The probability that the network gives to the true class, 0 to 1."""


def answer_to(predictions: Predictions, image_id: str, variant: str) -> Answer | None:
    """Look up a network's answer; None if the variant was not evaluated."""
    column = predictions.column(variant)
    if column is None:
        return None
    row = predictions.image_ids.index(image_id)
    return Answer(
        label=int(predictions.top5_class[row, column, 0]),
        is_right=int(predictions.true_rank[row, column]) == 1,
        confidence=float(predictions.true_probability[row, column]),
    )


def choose_image(results: Sequence[Result], image_id: str | None = None) -> str:
    """Choose the photograph to show, and give its image id.

    Unless an image id is given, it is the first photograph in the dataset's order (rank, then
    class) that the largest number of networks recognise when it is clean.

    Args:
        results: results on one dataset.
        image_id: id of the photograph wanted.

    Raises:
        UsageError: there are no results, or `image_id` is not among the predictions; near names
            are suggested.
        EntryError: the results are not of one dataset.
    """
    require_one_dataset(results)
    predictions = results[0].predictions
    if image_id is None:
        votes = np.zeros(predictions.n_images, np.int64)
        for result in results:
            column = result.predictions.column(CLEAN)
            if column is not None:
                votes += result.predictions.correct(1)[:, column]
        first = max(predictions.dataset_order(), key=lambda row: votes[row])
        return predictions.image_ids[first]
    if image_id not in predictions.image_ids:
        hint = did_you_mean(image_id, predictions.image_ids, predictions.image_ids[:1], 0.6)
        raise UsageError(
            f"no photograph {image_id!r} among the {predictions.n_images} of the entries{hint}"
        )
    return image_id


def _rendered(clean: Pixels, image_id: str, names: Sequence[str]) -> dict[str, Pixels]:
    check_platform()
    rendered = render_ladder(clean, image_id=image_id, only=select_variants(names))
    return {image.variant.name: image.pixels for image in rendered}


def _rows_of(task: Task, image_id: str) -> Generator[Sample, None, None]:
    if not isinstance(task, ShardTask):
        yield from (sample for sample in task.samples() if sample.info.image_id == image_id)
        return
    # Of the shard's hundred rows only this one must be decoded and checked.
    rows = (row for row in task.shard.rows(task.patience) if row.fields.get("image_id") == image_id)
    expected = replace(task.expected, check_pixels="all")
    yield from samples(rows, task.shard.address, expected, task.key)

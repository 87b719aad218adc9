"""Which originals of a source can be evaluated: all are looked at before anything long begins."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from imagenetq.decoding import decode
from imagenetq.errors import BadImage, SourceError
from imagenetq.manifest import BadImageNote
from imagenetq.progress import meter, say
from imagenetq.selection import RankedImage

if TYPE_CHECKING:
    from imagenetq.evaluate.data.clean_source import Source

_THREADS = 8
"""Pillow decodes beside other threads."""


class Originals:
    """A source's chosen images, each fetched and decoded once to learn whether it is bad."""

    def __init__(
        self, source: "Source", images: Sequence[RankedImage], folder: Path, *, skip_bad: bool
    ) -> None:
        """Nothing is read yet.

        Args:
            source: where to read them; must bear being read by several threads.
            images: in row order.
            folder: where to keep the images of a remote source.
            skip_bad: leave bad images out instead of refusing the source.
        """
        self._source = source
        self._images = images
        self._folder = folder
        self._skip_bad = skip_bad
        self._seen: dict[str, BadImageNote | None] = {}

    @property
    def bad(self) -> tuple[BadImageNote, ...]:
        """Those left out so far, in row order."""
        return tuple(note for note in self._seen.values() if note is not None)

    def good(self, limit: int | None) -> tuple[RankedImage, ...]:
        """The first images that are good, all of them if there is no limit.

        Raises:
            SourceError: images are bad, and not to be left out, each one has been named; or none
                is good; or one could not be fetched.
        """
        wanted = len(self._images) if limit is None else limit
        good: list[RankedImage] = []
        start = 0
        while batch := self._images[start : start + wanted - len(good)]:
            self._look_at([image for image in batch if image.image_id not in self._seen])
            good += [image for image in batch if self._seen[image.image_id] is None]
            start += len(batch)
        if not good:
            raise SourceError(f"{self._source.kind}: none of its photographs is good; name another")
        return tuple(good)

    def _look_at(self, images: Sequence[RankedImage]) -> None:
        if not images:
            return
        if self._source.is_remote:
            with meter("fetching", len(images), "photographs") as progress:
                self._source.fetch(images, self._folder, progress.advance)
        pool = ThreadPoolExecutor(_THREADS)
        # Around all threads: filters of warnings are the process's, and decoding changes them.
        with warnings.catch_warnings(), meter("checking", len(images), "photographs") as progress:
            try:
                for image, note in zip(images, pool.map(self._note, images), strict=True):
                    self._seen[image.image_id] = note
                    progress.advance(1)
            finally:
                pool.shutdown(cancel_futures=True)
        bad = [note for image in images if (note := self._seen[image.image_id]) is not None]
        for note in bad:
            say(note.reason)
        if bad and not self._skip_bad:
            raise SourceError(
                f"{self._source.kind}: {len(bad)} of {len(images)} photographs are bad, named "
                "above; mend them, or add --skip-bad to leave them out"
            )

    def _note(self, image: RankedImage) -> BadImageNote | None:
        """What is wrong with an image; None if it is good."""
        try:
            decode(self._source.read(image), image.name)
        except BadImage as error:
            return BadImageNote(image_id=image.image_id, wnid=image.wnid, reason=str(error))
        return None

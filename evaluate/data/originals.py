"""Find which photographs of a source can be evaluated, before anything long begins."""

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
"""Number of threads that decode; Pillow releases Python's lock while it decodes."""


class Originals:
    """A source's chosen photographs, each fetched and decoded once to learn whether it is bad."""

    def __init__(
        self, source: "Source", images: Sequence[RankedImage], folder: Path, *, skip_bad: bool
    ) -> None:
        """Take the photographs, and read none yet.

        Args:
            source: where to read them; several threads must be able to read it at a time.
            images: the photographs in row order.
            folder: folder that keeps the photographs of a remote source.
            skip_bad: leave bad photographs out instead of refusing the source.
        """
        self._source = source
        self._images = images
        self._folder = folder
        self._skip_bad = skip_bad
        self._seen: dict[str, BadImageNote | None] = {}

    @property
    def bad(self) -> tuple[BadImageNote, ...]:
        """Notes on the photographs found bad so far, in row order."""
        return tuple(note for note in self._seen.values() if note is not None)

    def good(self, limit: int | None) -> tuple[RankedImage, ...]:
        """Give the first good photographs, or all of them if `limit` is None.

        Raises:
            SourceError: photographs are bad and not to be left out, and each one has been named;
                or none is good; or one could not be fetched.
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
        # All threads share the process's filters of warnings, which decoding changes, so they are
        # restored only when all threads are done.
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
        """Decode a photograph and say what is wrong with it; give None if it is good."""
        try:
            decode(self._source.read(image), image.name)
        except BadImage as error:
            return BadImageNote(image_id=image.image_id, wnid=image.wnid, reason=str(error))
        return None

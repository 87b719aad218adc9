"""Find which of a source's photographs can be evaluated, before anything long begins."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from imagenetq.decoding import decode
from imagenetq.errors import BadImage, SourceError
from imagenetq.manifest import BadImageNote
from imagenetq.progress import meter, say, usable_cores
from imagenetq.selection import RankedImage, SourceImage


class Source(Protocol):
    """A source of ImageNet's photographs, such as the builder's sources; it must be picklable."""

    @property
    def kind(self) -> str:
        """What to call the source in messages."""

    @property
    def default_subset(self) -> str:
        """The subset that is evaluated unless the user names another."""

    @property
    def is_remote(self) -> bool:
        """Whether photographs must be fetched before they can be read."""

    def images(self) -> Sequence[SourceImage]:
        """List all photographs, unread."""

    def fetch(
        self, images: Sequence[SourceImage], folder: Path, advance: Callable[[int], None]
    ) -> None:
        """Fetch remote photographs into a folder, before workers read them."""

    def read(self, image: SourceImage) -> bytes:
        """Read the bytes of a photograph's file."""


class Photographs:
    """A source's chosen photographs, each fetched and decoded once to learn whether it is bad."""

    def __init__(
        self, source: Source, images: Sequence[RankedImage], folder: Path, *, skip_bad: bool
    ) -> None:
        """Take photographs in row order, and read none yet.

        Several threads must be able to read the source at a time. If it is remote, its photographs
        are kept in the folder.
        """
        self._source, self._images = source, images
        self._folder, self._skip_bad = folder, skip_bad
        self._seen: dict[str, BadImageNote | None] = {}

    @property
    def bad(self) -> tuple[BadImageNote, ...]:
        """Notes on the photographs found bad so far, in row order."""
        return tuple(note for note in self._seen.values() if note is not None)

    def good(self, limit: int | None) -> tuple[RankedImage, ...]:
        """Give the first good photographs, or all of them if `limit` is None.

        It raises what `CleanSource.tasks` does.
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
        # Pillow releases Python's lock while it decodes.
        pool = ThreadPoolExecutor(usable_cores())
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

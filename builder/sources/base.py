"""Define what every source of ImageNet photographs does."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from imagenetq.selection import SourceImage


class Source(ABC):
    """ImageNet validation photographs with their classes.

    A source is sent to worker processes, so it must be picklable, and cheap to pickle.
    """

    kind: str
    """Kind of the source, for manifest and messages; names no path of this machine."""

    default_subset: str = "full"
    """Subset that is built of the source unless the user names another."""

    is_remote: bool = False
    """Whether photographs must be fetched before they can be read."""

    @abstractmethod
    def images(self) -> Sequence[SourceImage]:
        """List all photographs, without reading them.

        Raises:
            SourceError: the source cannot be read, or its labels do not fit.
        """

    def fetch(  # noqa: B027 - most sources are local and have nothing to fetch
        self, images: Sequence[SourceImage], folder: Path, advance: Callable[[int], None]
    ) -> None:
        """Bring remote photographs to a local folder, before workers read them.

        A local source has nothing to do. An interrupted fetch goes on where it stopped.

        Args:
            images: the chosen photographs.
            folder: where to keep them; made if absent.
            advance: called with numbers of photographs as they arrive, first with the number of
                those that were there before.

        Raises:
            SourceError: a photograph is missing or the network gave up.
        """

    @abstractmethod
    def read(self, image: SourceImage) -> bytes:
        """Read the original file's bytes.

        Raises:
            BadImage: the file cannot be read, or has more than `MAX_FILE_BYTES`.
        """

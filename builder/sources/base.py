"""What every source of ImageNet images does."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from imagenetq.selection import SourceImage


class Source(ABC):
    """ImageNet validation images with their classes.

    A source is sent to worker processes, so it must be picklable, and cheap to pickle.
    """

    kind: str
    """What it is, for manifest and messages; names no path of this machine."""

    default_subset: str = "full"
    """What is built of it unless the user says otherwise."""

    is_remote: bool = False
    """Whether originals must be fetched before they can be read."""

    @abstractmethod
    def images(self) -> Sequence[SourceImage]:
        """List all images, without reading them.

        Raises:
            SourceError: the source cannot be read, or its labels do not fit.
        """

    def fetch(  # noqa: B027 - most sources are local and have nothing to fetch
        self,
        images: Sequence[SourceImage],
        folder: Path,
        advance: Callable[[int], None],
    ) -> None:
        """Bring remote originals to a local folder, before workers read them.

        A local source has nothing to do. An interrupted fetch goes on where it stopped.

        Args:
            images: the chosen ones.
            folder: where to keep them; made if absent.
            advance: called with numbers of images that are there: first of those from before.

        Raises:
            SourceError: an image is missing or the network gave up.
        """

    @abstractmethod
    def read(self, image: SourceImage) -> bytes:
        """The original file's bytes.

        Raises:
            BadImage: the file cannot be read, or has more than `MAX_FILE_BYTES`.
        """

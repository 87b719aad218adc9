"""Bring a payload into a repository, a commit at a time; whatever is there is not sent again.

While files are on their way, the main branch has a card that says so and no manifest, so that
neither `load_dataset` nor `imagenetq eval` takes it for a dataset. Readers pin a version's tag,
which comes when all is there and compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

from imagenetq.builder.card.card import CARD_NAME, placeholder_card
from imagenetq.builder.publish.payload import NewFile, Payload, RemoteFile
from imagenetq.builder.publish.repository import HubRepository
from imagenetq.errors import PublishError
from imagenetq.manifest import MANIFEST_NAME
from imagenetq.progress import Meter, Tally

ATTRIBUTES = ".gitattributes"
"""File that the Hub itself puts into every repository."""

_COMMIT_FILES, _COMMIT_BYTES = 100, 4 * 2**30
"""Most files and bytes of a commit: the Hub takes about a hundred commits an hour, and slows down
with many files in one."""

_SENT_BYTES = 256 * 2**20
"""Bytes that are sent at once, and so the most that a kill can lose."""

_SHOWN = 3


def upload(repository: HubRepository, payload: Payload, head: str, progress: Meter) -> str:
    """Make the main branch hold the payload and nothing else.

    Args:
        repository: the repository to fill.
        payload: the files that it is to hold.
        head: the main branch's newest commit, whose files are ours.
        progress: counts the dataset's rows.

    Returns:
        The commit that holds the whole payload.

    Raises:
        PublishError: a file changed meanwhile, or the Hub refuses or is gone.
    """
    remote = repository.files(head)
    missing = payload.missing(remote)
    stale = sorted(remote.keys() - payload.files.keys() - {ATTRIBUTES})
    tally = _Progress(payload, missing, progress)
    if missing or stale:
        head = _open(repository, payload, head, remote, stale)
    for batch in _batches(missing, _COMMIT_FILES, _COMMIT_BYTES):
        with ExitStack() as until:
            additions = []
            for part in _batches(batch, _COMMIT_FILES, _SENT_BYTES):
                additions += repository.upload(part, until)
                tally.advance(part)
            message = f"Add {batch[0].path} to {batch[-1].path}"
            head = repository.commit(additions, [], message=message, parent=head)
    remote = repository.files(head)
    closing = [file for file in payload.head if not file.is_at(remote.get(file.path))]
    if closing:
        head = _commit(repository, closing, [], message="Add card and manifest", parent=head)
    return head


def require_same(repository: HubRepository, payload: Payload, commit: str) -> None:
    """Compare a commit with the payload: every path, size and hash, and no other file.

    Raises:
        PublishError: there are differences; the message names the first ones.
    """
    remote = repository.files(commit)
    files = payload.files
    differing = [path for path, file in files.items() if not file.is_at(remote.get(path))]
    foreign = sorted(remote.keys() - files.keys() - {ATTRIBUTES})
    if differing or foreign:
        raise PublishError(
            f"{repository.address}: {shown(differing + foreign)} not as the manifest says; "
            "nothing was tagged; verify the folder, and push again"
        )


def shown(paths: Sequence[str]) -> str:
    """Write out a few paths, and how many more there are."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(paths[:_SHOWN])}{more}"


class _Progress:
    """A count of the rows and bytes that are there."""

    def __init__(self, payload: Payload, missing: Sequence[NewFile], progress: Meter) -> None:
        self._meter = progress
        self._already = _rows(payload.body) - _rows(missing)
        self._rows = self._already
        self._bytes = 0
        self.advance([])

    def advance(self, files: Sequence[NewFile]) -> None:
        self._rows += _rows(files)
        self._bytes += sum(file.size for file in files)
        self._meter.show(Tally(self._rows, self._already, self._bytes))


def _open(
    repository: HubRepository,
    payload: Payload,
    head: str,
    remote: Mapping[str, RemoteFile],
    stale: Sequence[str],
) -> str:
    """Say that the main branch is incomplete, and take away what does not belong."""
    (card,) = (file for file in payload.head if file.path == CARD_NAME)
    placeholder = NewFile.of(CARD_NAME, placeholder_card(card.text()).encode())
    additions = [] if placeholder.is_at(remote.get(CARD_NAME)) else [placeholder]
    deletions = [*stale, *({MANIFEST_NAME} & remote.keys())]
    if not additions and not deletions:
        return head
    return _commit(repository, additions, deletions, message="Begin a new version", parent=head)


def _commit(
    repository: HubRepository,
    files: Sequence[NewFile],
    deletions: Sequence[str],
    *,
    message: str,
    parent: str,
) -> str:
    with ExitStack() as until:
        additions = repository.upload(files, until) if files else []
        return repository.commit(additions, deletions, message=message, parent=parent)


def _batches(files: Sequence[NewFile], n_files: int, n_bytes: int) -> Iterator[list[NewFile]]:
    """Cut files, in order, into batches of at most so many files and bytes; a larger one alone."""
    batch: list[NewFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == n_files or size + file.size > n_bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _rows(files: Sequence[NewFile]) -> int:
    return sum(file.rows for file in files)

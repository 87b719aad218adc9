"""Bring a payload into a repository, a commit at a time; whatever is there is not sent again.

While files are on their way, the main branch has a card that says so and no manifest, so that
neither `load_dataset` nor `imagenetq eval` takes it for a dataset. Readers pin a version's tag,
which comes when all is there and compared.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from imagenetq.builder.card.card import CARD_NAME, placeholder_card
from imagenetq.builder.publish.payload import NewFile, Payload
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
    """Make the main branch, whose newest commit `head` is ours, hold the payload and nothing else.

    It gives the commit that holds the whole payload.
    """
    remote = repository.files(head)
    missing = [file for file in payload.body if not file.is_at(remote.get(file.path))]
    stale = sorted(remote.keys() - payload.files.keys() - {ATTRIBUTES})
    already = _rows(payload.body) - _rows(missing)
    rows, sent = already, 0
    progress.show(Tally(rows, already, sent))
    if missing or stale:
        card = payload.files[CARD_NAME].content().decode("utf-8")
        placeholder = NewFile.of(CARD_NAME, placeholder_card(card).encode())
        additions = [] if placeholder.is_at(remote.get(CARD_NAME)) else [placeholder]
        deletions = [*stale, *({MANIFEST_NAME} & remote.keys())]
        if additions or deletions:
            begin = "Begin a new version"
            head = _commit(repository, additions, deletions, message=begin, parent=head)
    for batch in _batches(missing, _COMMIT_FILES, _COMMIT_BYTES):
        with ExitStack() as until:
            uploaded = []
            for part in _batches(batch, _COMMIT_FILES, _SENT_BYTES):
                uploaded += repository.upload(part, until)
                rows, sent = rows + _rows(part), sent + sum(file.size for file in part)
                progress.show(Tally(rows, already, sent))
            message = f"Add {batch[0].path} to {batch[-1].path}"
            head = repository.commit(uploaded, [], message=message, parent=head)
    remote = repository.files(head)
    closing = [file for file in payload.head if not file.is_at(remote.get(file.path))]
    if closing:
        head = _commit(repository, closing, [], message="Add card and manifest", parent=head)
    return head


def require_same(repository: HubRepository, payload: Payload, commit: str) -> None:
    """Compare a commit with the payload: every path, size and hash, and no other file."""
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

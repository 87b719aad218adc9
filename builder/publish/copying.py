"""Copy a dataset to a storage: verified first, every object whole, the manifest last.

While files are on their way, the place holds the manifest to come beside a card that says that it
is incomplete. So the next push knows what was begun there, and neither `load_dataset` nor
`imagenetq eval` takes it for a dataset.
"""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from imagenetq.builder.card.card import CARD_NAME, PREVIEW_NAME, placeholder_card, preview
from imagenetq.builder.card.croissant import CROISSANT_NAME, croissant
from imagenetq.builder.folders import STATE, DatasetFolder, Hold, open_folder
from imagenetq.builder.folders.object_lock import LOCK
from imagenetq.builder.publish import preflight
from imagenetq.builder.publish.payload import sha256_at
from imagenetq.builder.publish.uploading import shown
from imagenetq.builder.shards import shard_format
from imagenetq.errors import FolderError, PublishError, UsageError
from imagenetq.files import is_temporary, naming
from imagenetq.manifest import MANIFEST_NAME, Manifest, Shard
from imagenetq.progress import Meter, Tally, meter, working

_BEGUN = f"{STATE}/{MANIFEST_NAME}"
"""Path of the manifest to come, as long as the copy is not complete."""


@dataclass(frozen=True)
class Copied:
    """A dataset in a storage."""

    place: str
    """URL of the dataset's copy."""

    pixel_digest: str
    """Pixel digest of the dataset."""

    was_there: bool
    """Whether every file was there before, so that nothing was sent."""

    loading: str
    """Line of Python that streams a variant from there."""


def copy(dataset: str | Path, place: str, *, workers: int | None = None) -> Copied:
    """Copy a dataset to a storage, or go on with a copy that ended early.

    A file that is there already, with the same size and hash, is not sent again. To learn its hash
    it is read.

    Args:
        dataset: its folder or its URL; verified first, every shard and pixel.
        place: a URL such as `s3://bucket/imagenet-q`: empty, or of the same dataset.
        workers: processes that verify; one a core if left out.

    Raises:
        UsageError: the place or the dataset cannot be used at all.
        FolderError: there is no dataset; or the place is in use, or cannot be written.
        PublishError: the dataset is not as its manifest says; the place holds something else.
        OSError: a storage failed for good. What was sent stays for the next push.
    """
    with ExitStack() as until:
        with working(f"asking for {place}"):
            source, target = open_folder(dataset), open_folder(place)
            if source.name == target.name:
                raise UsageError(f"{place}: that is the dataset itself; name another place")
            manifest = preflight.publishable_manifest(source)
            hold = until.enter_context(target.held(lambda: _require_own(target, manifest)))
        preflight.require_verified(source, manifest, workers)
        was_there = not _complete(source, target, manifest, hold)
    glob = shard_format(manifest.format).glob
    files = target.at(f"data/{preflight.example_variant(manifest, 'jpeg-10')}/{glob}")
    # Where it does not know a dataset's folder, `datasets` reads files.
    loading = f'load_dataset("{manifest.format}", data_files="{files}", streaming=True)'
    return Copied(target.name, manifest.pixel_digest, was_there, loading)


def _require_own(target: DatasetFolder, manifest: Manifest) -> None:
    """Refuse a place that is neither empty nor of this dataset."""
    names = target.names()
    if MANIFEST_NAME in names:
        _require_same(target, target.manifest(), manifest)
    elif STATE in names and target.size(_BEGUN) is not None:
        _require_same(target, target.model(Manifest, _BEGUN), manifest)
    # A push killed in its first second leaves no more than these.
    elif names - {STATE} or any(
        path != LOCK and not is_temporary(path) for path in target.files(STATE)
    ):
        raise PublishError(f"{target} holds other files; push to an empty or a new place")
    ours = {shard.path for shard in manifest.shards}
    # What a killed push left of a shard goes once the folder is held.
    foreign = sorted(
        path for path in target.files("data") if path not in ours and not is_temporary(path)
    )
    if foreign:
        raise PublishError(
            f"{target} holds files of something else ({shown(foreign)}); push to another place, "
            "or remove them"
        )


def _require_same(target: DatasetFolder, published: Manifest, manifest: Manifest) -> None:
    if published.pixel_digest != manifest.pixel_digest:
        raise PublishError(
            f"{target} holds another dataset (pixel digest {published.pixel_digest[:12]}, here "
            f"{manifest.pixel_digest[:12]}); push to another place, or remove it"
        )
    if published.shards != manifest.shards:
        raise PublishError(
            f"{target} holds the same pixels in other files; use those, or push to another place"
        )


def _complete(source: DatasetFolder, target: DatasetFolder, manifest: Manifest, hold: Hold) -> bool:
    """Send what is missing; tell whether anything was."""
    head = {PREVIEW_NAME: preview(), CARD_NAME: source.read(CARD_NAME)}
    manifest_json = source.read(MANIFEST_NAME)
    head |= {CROISSANT_NAME: croissant(manifest, manifest_json), MANIFEST_NAME: manifest_json}
    with meter("comparing", max(sum(shard.rows for shard in manifest.shards), 1)) as progress:
        missing = [shard for shard in manifest.shards if not _is_there(target, shard, progress)]
    if not missing and all(_content(target, name) == data for name, data in head.items()):
        target.remove(_BEGUN)
        return False
    target.write(_BEGUN, head[MANIFEST_NAME])
    target.remove(MANIFEST_NAME)
    target.write(CARD_NAME, placeholder_card(head[CARD_NAME].decode("utf-8")).encode())
    with meter("uploading", max(sum(shard.rows for shard in missing), 1)) as progress:
        rows, sent = 0, 0
        for shard in missing:
            hold.require()
            _send(source, target, shard)
            rows, sent = rows + shard.rows, sent + shard.bytes
            progress.show(Tally(rows, 0, sent))
    _require_complete(target, manifest)
    hold.require()
    for name, data in head.items():
        target.write(name, data)
    target.remove(_BEGUN)
    return True


def _is_there(target: DatasetFolder, shard: Shard, progress: Meter) -> bool:
    is_there = target.is_intact(shard.path, shard.bytes, shard.sha256)
    if is_there and not target.is_local:
        # A size is quickly asked for, but says nothing of the content that is published.
        is_there = sha256_at(target, shard.path) == shard.sha256
    progress.advance(shard.rows)
    return is_there


def _send(source: DatasetFolder, target: DatasetFolder, shard: Shard) -> None:
    file = target.new_file(shard.path)
    try:
        # The system does not name a disk that is full.
        with naming(target.disk):
            with source.fetch(shard.path) as content:
                shutil.copyfileobj(content, file, 2**20)
            if file.sha256 != shard.sha256:
                raise preflight.changed(shard.path)
            file.commit()
    finally:
        file.abort()


def _require_complete(target: DatasetFolder, manifest: Manifest) -> None:
    """Compare all sizes again, before the manifest says that all is there."""
    sizes = target.files("data")
    expected = {shard.path: shard.bytes for shard in manifest.shards}
    differing = [path for path in {**expected, **sizes} if sizes.get(path) != expected.get(path)]
    if differing:
        raise PublishError(
            f"{target}: {shown(differing)} not as the manifest says; the push is not complete; "
            "run the same command again"
        )


def _content(target: DatasetFolder, name: str) -> bytes | None:
    try:
        return target.read(name)
    except (FileNotFoundError, FolderError):
        return None

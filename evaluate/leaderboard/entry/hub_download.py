"""Fetch predictions from the Hugging Face Hub, without a token, and never too much of them."""

from pathlib import Path

from imagenetq.errors import EntryError
from imagenetq.evaluate.leaderboard.entry.submission import Place
from imagenetq.files import AtomicFile, sha256_of
from imagenetq.hub import HubAddress
from imagenetq.predictions_check import MAX_PREDICTIONS_BYTES

_BLOCK = 2**20


def fetch_predictions(place: Place, sha256: str, folder: Path) -> Path:
    """Bring predictions to a folder, named by their SHA-256, unless they are there undamaged.

    No token is used: a stranger names the repository, and our token could open private ones.
    """
    path = folder / f"{sha256}.parquet"
    if path.is_file() and sha256_of(path) == sha256:
        return path
    shown = f"{place.path} of {place.repository}"
    address = HubAddress(place.repository, place.revision)
    with address.explained():
        try:
            file = _download(place, path, shown)
        except FileNotFoundError:
            raise EntryError(
                f"{shown}: not there at {place.revision[:12]}, or not for everybody to read"
            ) from None
        if file.sha256 != sha256:
            file.abort()
            raise EntryError(
                f"{shown}: its SHA-256 is {file.sha256[:12]}, but entry.json says {sha256[:12]}: "
                "not the predictions of this entry"
            )
        file.commit()
    return path


def _download(place: Place, path: Path, shown: str) -> AtomicFile:
    from huggingface_hub import HfFileSystem

    # Not the instance that others share, which may know a token.
    hub = HfFileSystem(token=False, skip_instance_cache=True)
    name = f"datasets/{place.repository}@{place.revision}/{place.path}"
    with hub.open(name, "rb", block_size=_BLOCK) as remote:
        size = int(remote.size)
        if size > MAX_PREDICTIONS_BYTES:
            raise EntryError(
                f"{shown}: {size} bytes is too large; at most {MAX_PREDICTIONS_BYTES} are read"
            )
        file = AtomicFile(path)
        try:
            while file.n_bytes < size and (block := remote.read(_BLOCK)):
                file.write(block)
        except BaseException:
            file.abort()
            raise
    return file

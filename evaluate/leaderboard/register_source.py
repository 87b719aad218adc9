"""Register a source: write down which photographs it has, of which classes, with which pixels."""

import io
from pathlib import Path

from imagenetq.digests import PixelLine, source_digest
from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import Data
from imagenetq.evaluate.results.registered_sources import COLUMNS, KnownSource
from imagenetq.files import write_whole
from imagenetq.progress import meter
from imagenetq.specification import CLEAN, variant


def register(data: Data, out: Path) -> Path:
    """Write the file of a verified dataset's source: a row for each photograph, by id.

    The same source gives the same bytes with the same pyarrow.
    The folder is that of registered sources, in which the file is named after the source digest.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = sorted(clean_lines(data), key=lambda line: line.image_id)
    table = pa.table({name: [getattr(line, name) for line in lines] for name in COLUMNS})
    buffer = io.BytesIO()
    # A dictionary pays only for classes, which alone repeat themselves.
    pq.write_table(table, buffer, compression="zstd", use_dictionary=["wnid"])
    path, content = out / f"{source_digest(lines)}.parquet", buffer.getvalue()
    if not path.is_file() or path.read_bytes() != content:
        write_whole(path, content)
    return path


def clean_lines(data: Data) -> list[PixelLine]:
    """Read the clean lines of a dataset, which decides whether pixels are compared with hashes."""
    clean = variant(CLEAN)
    if clean not in data.variants:
        raise FolderError("the dataset holds no clean images, so its source cannot be told")
    lines: list[PixelLine] = []
    with meter("reading clean images", data.identity.n_images or 0) as progress:
        for task in data.tasks([clean]):
            for sample in task.samples():
                info = sample.info
                if info.pixel_sha256 is None:
                    raise FolderError("the dataset gives no pixel hashes; name a built folder")
                lines.append(PixelLine(info.image_id, info.wnid, CLEAN, info.pixel_sha256))
                progress.advance(1)
    stated = data.identity.source_digest
    if stated not in (None, source_digest(lines)):
        raise FolderError("the dataset's clean images are not those of its source digest")
    return lines


def known_source(data: Data) -> KnownSource:
    """Read a dataset's source as if it were registered; for errors see `clean_lines`."""
    lines = clean_lines(data)
    return KnownSource(source_digest(lines), {line.image_id: line.wnid for line in lines})

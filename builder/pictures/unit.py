"""Render one unit of a folder of pictures: each picture once, one file a variant, and a record."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image
from pydantic import Field

from imagenetq.builder.building.unit_records import Record, read_record, record_path, write_record
from imagenetq.builder.executors import Reporter
from imagenetq.builder.folders.local import LocalFolder
from imagenetq.builder.pictures.manifest import BadPicture
from imagenetq.builder.pictures.plan import PicturesUnit, RenderPlan
from imagenetq.builder.shards.image_files import lossless_webp
from imagenetq.builder.shards.orientation import UPRIGHT, orientation, upright_original
from imagenetq.decoding import decode, is_jpeg
from imagenetq.distortions import Pixels
from imagenetq.errors import BadImage, FolderError
from imagenetq.manifest import RENDER_MANIFEST_NAME, Count, Model, Sha256
from imagenetq.pictures import PictureFolder
from imagenetq.progress import say
from imagenetq.record import pixel_sha256
from imagenetq.rendering import Rendered, render_ladder
from imagenetq.specification import CLEAN

_PNG_LEVEL = 1
"""Compression of PNG files: on photographs the default level takes three times as long, and saves a
fifth at most."""


@dataclass(frozen=True)
class RenderJob:
    """What all units of a rendering share."""

    folder: LocalFolder
    """Folder that the variants are written to."""

    pictures: PictureFolder
    """Folder that originals are read from."""

    plan: RenderPlan
    skip_bad: bool
    """Leave bad pictures out, instead of leaving their unit undone."""


class StoredFile(Model):
    """One variant of a picture, as it was stored."""

    file: str
    """Path below the rendered folder."""

    bytes: int = Count
    """Size of the file in bytes."""

    sha256: str = Sha256
    pixel_sha256: str = Sha256
    """SHA-256 of its decoded pixels."""


class RenderedPicture(Model):
    """A picture whose variants are rendered."""

    path: str
    """Path below the folder of pictures."""

    file_sha256: str = Sha256
    """SHA-256 of the original file."""

    orientation: int | None
    """Orientation that the original states, 1 to 8, which is not applied to its pixels; None if its
    metadata cannot be read."""

    width: int = Count
    height: int = Count
    files: dict[str, StoredFile]
    """Stored files by variant."""


class PicturesRecord(Record):
    """The record of a unit of pictures that is done."""

    pictures: tuple[RenderedPicture, ...]
    """Rendered pictures, in the order of the plan."""

    bad_pictures: tuple[BadPicture, ...] = Field(default=())


@dataclass(frozen=True)
class UnitDone:
    """A unit that is done; its record says what it holds."""

    index: int
    """Number of the unit, from 0."""

    n_originals: int
    """Number of the unit's pictures, bad ones included."""


def complete_unit(
    job: RenderJob, unit: PicturesUnit, reporter: Reporter
) -> UnitDone | list[BadPicture]:
    """Render a unit unless it is done.

    If pictures are bad and not to be skipped, it gives all of the unit's bad ones instead.
    """
    done = UnitDone(unit.index, len(unit.paths))
    if _is_finished(job, unit, reporter):
        reporter.advance(len(unit.paths), already_done=True)
        return done
    # Before any file is replaced, folder and unit must not be called complete.
    job.folder.remove(RENDER_MANIFEST_NAME)
    job.folder.remove(record_path(unit.index))
    pictures, bad = [], []
    for index, path in enumerate(unit.paths):
        reporter.stop_if_asked()
        names = {name: f"{name}/{files[index]}" for name, files in unit.names.items()}
        for file in names.values():
            require_inside(job.folder.path, file)
        data = None
        try:
            data = job.pictures.read(path)
            clean = decode(data, path)
        except BadImage as problem:
            file_sha256 = None if data is None else sha256(data).hexdigest()
            bad.append(BadPicture(path=path, reason=str(problem), file_sha256=file_sha256))
            for file in names.values():
                job.folder.remove(file)
        else:
            # Once one is bad the unit cannot be finished: only look for other bad ones.
            if job.skip_bad or not bad:
                pictures.append(_render(job, path, data, clean, names, reporter))
        reporter.advance(1)
    if bad and not job.skip_bad:
        return bad
    record = PicturesRecord(index=unit.index, pictures=tuple(pictures), bad_pictures=tuple(bad))
    write_record(job.folder, record)
    return done


def require_inside(root: Path, file: str) -> Path:
    """Give the path of a file of a folder, once it is sure that no link leads out of it."""
    path = root / file
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise FolderError(f"{path}: lies behind a link that leads out of {root}; remove the link")
    return path


def _is_finished(job: RenderJob, unit: PicturesUnit, reporter: Reporter) -> bool:
    """Tell whether a unit's record is of these originals, and all files are still as it says."""
    try:
        record = read_record(job.folder, unit.index, PicturesRecord)
    except FolderError as damage:
        say(f"{damage}; its pictures are rendered again")
        return False
    if record is None or (record.bad_pictures and not job.skip_bad):
        return False
    originals = {picture.path: picture.file_sha256 for picture in record.pictures}
    bad = {picture.path: picture.file_sha256 for picture in record.bad_pictures}
    if originals.keys() | bad.keys() != set(unit.paths):
        return False
    for path in unit.paths:
        reporter.stop_if_asked()
        fingerprint = None
        with suppress(BadImage):
            fingerprint = sha256(job.pictures.read(path)).hexdigest()
        if (originals | bad)[path] != fingerprint:
            say(f"{path}: another file than was rendered; it is rendered again")
            return False
    files = [file for picture in record.pictures for file in picture.files.values()]
    return all(job.folder.is_intact(file.file, file.bytes, file.sha256) for file in files)


def _render(
    job: RenderJob, path: str, data: bytes, clean: Pixels, names: dict[str, str], reporter: Reporter
) -> RenderedPicture:
    files = {}
    for rendered in render_ladder(clean, image_id=path, only=job.plan.ladder()):
        file = names[rendered.variant.name]
        stored = _stored_bytes(rendered, data)
        job.folder.write(file, stored)
        reporter.add_bytes(len(stored))
        files[rendered.variant.name] = StoredFile(
            file=file,
            bytes=len(stored),
            sha256=sha256(stored).hexdigest(),
            pixel_sha256=pixel_sha256(rendered.pixels),
        )
    height, width, _ = clean.shape
    return RenderedPicture(
        path=path,
        file_sha256=sha256(data).hexdigest(),
        orientation=orientation(data),
        width=width,
        height=height,
        files=files,
    )


def _stored_bytes(rendered: Rendered, original: bytes) -> bytes:
    """Make the file of a variant, which every reader decodes to exactly its pixels."""
    if rendered.variant.distortion == CLEAN:
        # The original file is changed only where readers might turn it.
        if is_jpeg(original):
            return upright_original(original)
        if orientation(original) == UPRIGHT:
            return original
        if original.startswith(b"RIFF"):
            return lossless_webp(rendered.pixels)
    if rendered.codestream is not None:
        return rendered.codestream
    buffer = BytesIO()
    Image.fromarray(rendered.pixels).save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue()

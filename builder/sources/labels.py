"""Read the classes of the validation photographs from a file that comes with ImageNet."""

import csv
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath

from imagenetq import classes
from imagenetq.builder.sources import devkit
from imagenetq.builder.sources.listing import source_image
from imagenetq.errors import SourceError
from imagenetq.files import read_bounded
from imagenetq.pictures import reason
from imagenetq.selection import SourceImage, image_id_of

ANNOTATIONS_NAME = "val_annotations.txt"
_ANNOTATION_FIELDS = 6
_CSV_HEADER = ["ImageId", "PredictionString"]
_MAX_CSV_BYTES = 64 * 2**20
_FOLDERS_UP = 4
"""Folders from Kaggle's photographs, ROOT/ILSVRC/Data/CLS-LOC/val, up to its labels in ROOT."""


@dataclass(frozen=True)
class Labels:
    """The class of each validation photograph."""

    path: Path
    """File or folder that the labels were read from, for messages."""

    wnids: dict[str, str]
    """Wnid of each image id."""

    def image(self, name: str) -> SourceImage:
        """Describe a photograph by its name in the source."""
        image_id = image_id_of(PurePosixPath(name).stem)
        if image_id not in self.wnids:
            raise SourceError(
                f"{name!r}: {self.path} has no label for it; leave it out, or give it its "
                "validation photograph's name, such as ILSVRC2012_val_00000293.JPEG"
            )
        return source_image(name, self.wnids[image_id])


def find_labels(folder: Path) -> Labels:
    """Find the labels nearest to a folder of photographs: in it, or up to four folders above.

    In each folder, an unpacked development kit comes before a packed one and before Kaggle's
    `LOC_val_solution.csv`, and that before Tiny ImageNet's `val_annotations.txt`.
    """
    # The labels may lie beside a link, or beside what it leads to.
    levels = zip_longest(_upwards(folder.absolute()), _upwards(folder.resolve()))
    for parent in dict.fromkeys(parent for level in levels for parent in level if parent):
        for name, read in _READERS.items():
            path = parent / name
            if os.access(path, os.F_OK):  # A folder above may be closed to us.
                return Labels(path, read(path))
    raise SourceError(
        f"{folder}: no labels for these photographs; put {' or '.join(_READERS)} in this folder or "
        f"beside it (searched: this folder and {_FOLDERS_UP} folders up)"
    )


def _upwards(folder: Path) -> list[Path]:
    return [folder, *folder.parents[:_FOLDERS_UP]]


def read_solution(path: Path) -> dict[str, str]:
    """Read the wnid of each image id from Kaggle's `LOC_val_solution.csv`."""
    wnids: dict[str, str] = {}
    try:
        text = read_bounded(path, _MAX_CSV_BYTES).decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""))
        if next(rows, None) != _CSV_HEADER:
            raise ValueError(f"its first line is not {','.join(_CSV_HEADER)}")
        for row in rows:
            if not any(field.strip() for field in row):
                continue
            line = f"line {rows.line_num}"
            if len(row) != len(_CSV_HEADER):
                raise ValueError(f"{line} has {len(row)} fields, not {len(_CSV_HEADER)}")
            image_id, prediction = row
            wnid = prediction.partition(" ")[0]
            if wnid not in classes.labels():
                raise ValueError(f"{line} names {wnid[:20]!r}, which is no class")
            if image_id in wnids:
                raise ValueError(f"{line} has photograph {image_id!r} again")
            wnids[image_id] = wnid
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(
            f"{path}: not Kaggle's solution file ({reason(error)}); get it again"
        ) from error
    return wnids


def read_annotations(path: Path) -> dict[str, str]:
    """Read the wnid of each image id from Tiny ImageNet's `val_annotations.txt`."""
    wnids: dict[str, str] = {}
    try:
        lines = read_bounded(path, _MAX_CSV_BYTES).decode("ascii").splitlines()
        for number, line in enumerate(lines, 1):
            # The photograph's name, its class, and a box.
            fields = line.split("\t")
            if not line.strip():
                continue
            image_id = PurePosixPath(fields[0]).stem
            if len(fields) != _ANNOTATION_FIELDS or image_id in wnids:
                raise ValueError(f"line {number} is not another photograph, its class and its box")
            wnids[image_id] = fields[1]
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path}: not Tiny ImageNet's annotations ({reason(error)}); get it again"
        ) from error
    return wnids


_READERS: dict[str, Callable[[Path], dict[str, str]]] = {
    "ILSVRC2012_devkit_t12": devkit.read_folder,
    "ILSVRC2012_devkit_t12.tar.gz": devkit.read_archive,
    "LOC_val_solution.csv": read_solution,
    ANNOTATIONS_NAME: read_annotations,
}

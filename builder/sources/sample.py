"""Read the embedded sample: photographs that ship inside scikit-image, labelled by eye.

With them everything runs on a fresh machine with nothing to download. Their hashes are pinned, so
that the sample's digest is the same for everybody.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from typing_extensions import override

from imagenetq.builder.sources.base import Source
from imagenetq.builder.sources.listing import source_image
from imagenetq.errors import BadImage, SourceError
from imagenetq.pictures import read_image
from imagenetq.selection import SAMPLE, SourceImage


class Photograph(NamedTuple):
    """One file of the sample: its ImageNet class, and the SHA-256 of its bytes."""

    wnid: str
    sha256: str


PHOTOGRAPHS: dict[str, Photograph] = {
    "astronaut.png": Photograph(
        "n04266014",  # space shuttle, behind her
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
    "brick.png": Photograph(
        "n04326547",  # stone wall
        "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    ),
    "camera.png": Photograph(
        "n04485082",  # tripod
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    ),
    "chelsea.png": Photograph(
        "n02123045",  # tabby
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    ),
    "clock_motion.png": Photograph(
        "n02708093",  # analog clock
        "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955",
    ),
    "coffee.png": Photograph(
        "n07920052",  # espresso
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
    "motorcycle_left.png": Photograph(
        "n03785016",  # moped
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    ),
    "motorcycle_right.png": Photograph(
        "n03785016",  # moped
        "5fc913ae870e42a4b662314bc904d1786bcad8e2f0b9b67dba5a229406357797",
    ),
    "rocket.jpg": Photograph(
        "n03773504",  # missile
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    ),
}


@dataclass(frozen=True)
class Sample(Source):
    """The photographs of `PHOTOGRAPHS`, read from the installed scikit-image."""

    kind = SAMPLE
    default_subset = SAMPLE

    @override
    def images(self) -> Sequence[SourceImage]:
        """List the photographs, once their bytes are found to be the pinned ones."""
        folder = _data_folder()
        cure = "reinstall scikit-image: pip install --force-reinstall scikit-image"
        for name, photograph in PHOTOGRAPHS.items():
            path = folder / name
            try:
                data = read_image(path, name)
            except BadImage as error:
                raise SourceError(f"{path}: missing or unreadable; {cure}") from error
            if hashlib.sha256(data).hexdigest() != photograph.sha256:
                raise SourceError(f"{path}: not the photograph of the embedded sample; {cure}")
        return [source_image(name, photograph.wnid) for name, photograph in PHOTOGRAPHS.items()]

    @override
    def read(self, image: SourceImage) -> bytes:
        return read_image(_data_folder() / image.name, image.name)


def _data_folder() -> Path:
    """Find where scikit-image keeps its photographs, without the time to import it."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SourceError(
            "the embedded sample needs scikit-image; pip install scikit-image (extra [sample]), or "
            "name ImageNet's own photographs"
        )
    return Path(spec.origin).parent / "data"

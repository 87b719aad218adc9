"""ImageNet in miniature: real photographs, and the real labels' formats."""

import hashlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.io import savemat

from imagenetq import classes
from imagenetq.builder.sources.sample import PHOTOGRAPHS

N_IMAGES = 50_000
SYNSET = [
    ("ILSVRC2012_ID", object),
    ("WNID", object),
    ("words", object),
    ("gloss", object),
    ("num_children", object),
    ("children", object),
    ("wordnet_height", object),
    ("num_train_images", object),
]


class Photograph(NamedTuple):
    image_id: str
    wnid: str
    suffix: str
    data: bytes

    @property
    def name(self) -> str:
        return f"{self.image_id}{self.suffix}"


def number_of(wnid: str) -> int:
    """The kit's own number of a class; as in the real kit, not in the order of wnids."""
    return (classes.labels()[wnid] * 7 + 3) % 1000 + 1


def wnid_of_image(index: int) -> str:
    """The class of validation image 1 .. 50,000 in these tests."""
    return classes.wnids()[index * 13 % 1000]


def synset(number: int, wnid: str, children: list[int]) -> tuple[Any, ...]:
    return (
        float(number),
        wnid,
        "some words, others",
        "what it is",
        float(len(children)),
        np.array(children, float),
        0.0,
        1300.0,
    )


@pytest.fixture(scope="session")
def leaves() -> dict[str, int]:
    return {wnid: number_of(wnid) for wnid in sorted(classes.wnids(), key=number_of)}


@pytest.fixture(scope="session")
def numbers() -> list[int]:
    return [number_of(wnid_of_image(index)) for index in range(1, N_IMAGES + 1)]


@pytest.fixture(scope="session")
def write_meta() -> Callable[..., None]:
    """Write a `meta.mat` as the kit has it: the leaves, then their ancestors."""

    def write(path: Path, leaves: dict[str, int], *, compressed: bool = True) -> None:
        rows = [synset(number, wnid, []) for wnid, number in leaves.items()]
        rows += [synset(1001 + k, f"n{k:08d}", [2 * k + 1, 2 * k + 2]) for k in range(860)]
        table = np.empty((len(rows), 1), SYNSET)
        for index, row in enumerate(rows):
            table[index, 0] = row
        savemat(path, {"synsets": table}, do_compression=compressed)

    return write


@pytest.fixture(scope="session")
def kit(
    tmp_path_factory: pytest.TempPathFactory,
    write_meta: Callable[..., None],
    leaves: dict[str, int],
    numbers: list[int],
) -> Path:
    """An unpacked development kit."""
    folder = tmp_path_factory.mktemp("kit") / "ILSVRC2012_devkit_t12"
    (folder / "data").mkdir(parents=True)
    write_meta(folder / "data" / "meta.mat", leaves)
    truth = folder / "data" / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("".join(f"{number}\n" for number in numbers))
    return folder


@pytest.fixture(scope="session")
def solution() -> str:
    """The text of Kaggle's `LOC_val_solution.csv`, whose rows are in no order."""
    rows = (
        f"ILSVRC2012_val_{index:08d},{wnid_of_image(index)} 85 1 499 272 \n"
        for index in range(N_IMAGES, 0, -1)
    )
    return "ImageId,PredictionString\n" + "".join(rows)


@pytest.fixture(params=["embedded", "imagenet"])
def photographs(request: pytest.FixtureRequest) -> list[Photograph]:
    """Photographs with the ids that validation images of their class have in these tests."""
    if request.param == "imagenet":
        root: Path = request.getfixturevalue("imagenet_sample")
        files = [(file, file.parent.name) for file in sorted(root.rglob("*.JPEG"))[::20]]
    else:
        spec = find_spec("skimage")
        assert spec is not None
        assert spec.origin is not None
        data = Path(spec.origin).parent / "data"
        files = [(data / name, photograph.wnid) for name, photograph in PHOTOGRAPHS.items()]
    by_wnid: dict[str, list[int]] = {}
    for index in range(1, N_IMAGES + 1):
        by_wnid.setdefault(wnid_of_image(index), []).append(index)
    return [
        Photograph(
            f"ILSVRC2012_val_{by_wnid[wnid].pop():08d}", wnid, file.suffix, file.read_bytes()
        )
        for file, wnid in files
    ]


@pytest.fixture
def contents() -> Callable[[Any], set[tuple[str, str, str]]]:
    """All that a source says of its images, and the hash of their bytes."""

    def summarise(source: Any) -> set[tuple[str, str, str]]:
        return {
            (image.image_id, image.wnid, hashlib.sha256(source.read(image)).hexdigest())
            for image in source.images()
        }

    return summarise

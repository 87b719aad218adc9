"""Tasks for the workers of an evaluation; a module, so that a spawned process can import it."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imagenetq.evaluate.data.base import CleanImage, Sample, SampleInfo, Task


@dataclass(frozen=True)
class GreyTask(Task):
    """Some small grey pictures; once they are made, a file says so.

    Attributes:
        key: also the file's name.
        n_samples: how many pictures.
        folder: for the files.
        waits_for: other tasks that must be through before this one begins.
    """

    key: str
    n_samples: int
    folder: Path
    waits_for: tuple[str, ...] = ()

    def samples(self) -> Iterator[Sample]:
        while not all((self.folder / key).exists() for key in self.waits_for):
            time.sleep(0.01)
        for number in range(self.n_samples):
            pixels = np.full((4, 5, 3), number, np.uint8)
            image_id = f"{self.key}-{number}"
            info = SampleInfo(self.key, image_id, "n01440764", "clean", 0, 4, None)
            yield Sample(info, pixels)
        (self.folder / self.key).touch()


@dataclass(frozen=True)
class CleanTask(Task):
    """Some small grey pictures for the device, which renders one variant of each."""

    key: str
    n_samples: int

    def samples(self) -> Iterator[Sample]:
        raise NotImplementedError("the device renders")

    def items(self) -> Iterator[Sample]:
        for number in range(self.n_samples):
            pixels = np.full((5 + number, 7, 3), number, np.uint8)
            image_id = f"{self.key}-{number}"
            info = SampleInfo(self.key, image_id, "n01440764", "clean", 0, 5, "0" * 64)
            yield CleanImage(info, pixels, ("clean",))


@dataclass(frozen=True)
class DeadlyTask(Task):
    """Kills the process that reads it."""

    key: str = "deadly"
    n_samples: int = 1

    def samples(self) -> Iterator[Sample]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield from ()


def never_the_same(image: Image.Image) -> np.ndarray:
    """An input that is larger the lighter the picture."""
    return np.zeros((3, 2, 1 + np.asarray(image)[0, 0, 0]), np.float32)


def failing(_: Image.Image) -> np.ndarray:
    """No input: a transform with a mistake in it."""
    raise RuntimeError("a mistake of its own")


def exiting(_: Image.Image) -> np.ndarray:
    """No input: a transform that ends its process."""
    sys.exit(3)


def crashing(_: Image.Image) -> np.ndarray:
    """No input: a transform in which a library crashes."""
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("still alive")


def evaluate_tiny(dataset: Path, out: Path) -> None:
    """Evaluate the tiny network on a dataset's clean images."""
    from imagenetq.evaluate import Settings, evaluate, load_model, open_data

    network = load_model("python/tiny_models:tiny")
    evaluate([network], open_data(str(dataset)), out, Settings(only=["clean"]))

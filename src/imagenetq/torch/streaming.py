"""Stream photographs in their variants for training, rendered when they are read."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from imagenetq import classes
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.errors import UsageError
from imagenetq.pictures import PictureFolder
from imagenetq.rendering import render_ladder
from imagenetq.selection import SourceImage
from imagenetq.specification import KEY_PREFIX, select_variants


class Source(Protocol):
    """A source of ImageNet photographs on this machine; `open_source` opens one."""

    @property
    def is_remote(self) -> bool:
        """Whether photographs must be fetched before they can be read."""

    def images(self) -> Sequence[SourceImage]:
        """List all photographs, without reading them."""

    def read(self, image: SourceImage) -> bytes:
        """Read the bytes of a photograph's file."""


class VariantStream(IterableDataset[dict[str, Any]]):
    """A stream of every photograph in every chosen variant, once an epoch over ranks and workers.

    Pixels are those of `imagenetq.render`. Noise is keyed by the image id, which in a folder is the
    path below it, such as `val/a.jpg`. An item is a dict:

    - `image`: what `transform` makes of a Pillow image; without one a uint8 tensor of shape
      (3, height, width);
    - `image_id` and `variant`: the photograph's id and the variant's name;
    - `label`: 0 to 999; only items of a source have one, since a folder has no labels;
    - `index`: the item's place in the epoch, for `advance`.

    Items that were reported by `advance` are not given again in their epoch. `state_dict` keeps
    them, so that a training resumes with any number of workers. Items that were read ahead but not
    reported are given again. Once all of a rank's items are reported, its next epoch begins.

    Args:
        photographs: a folder of pictures, or a source.
        variants: variants and distortions, such as `["clean", "blur", "jpeg-10"]`.
        transform: applied to each image, a Pillow image in RGB.
        seed: makes the order, which is another one in each epoch; None keeps photographs in order,
            the variants of each together. Each worker goes through a part of its own.
        rank: the number of this process, from 0; None takes `RANK` in the environment, or 0.
        world_size: how many processes share the stream; None takes `WORLD_SIZE` in the
            environment, or 1.

    Raises:
        UsageError: there is no such folder, variant or rank, or the source is remote or has other
            classes than ImageNet's.
        SourceError: the photographs cannot be listed.

    Iterating raises `BadImage` where a file cannot be decoded.
    """

    def __init__(
        self,
        photographs: str | Path | Source,
        variants: Iterable[str],
        *,
        transform: Callable[[Image.Image], Any] | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        self.variants = select_variants(variants)
        self.transform = transform
        self.seed = seed
        self.rank = _from_environment("RANK", 0) if rank is None else rank
        self.world_size = _from_environment("WORLD_SIZE", 1) if world_size is None else world_size
        if not 0 <= self.rank < self.world_size:
            raise UsageError(f"no rank {self.rank} of {self.world_size}; ranks count from 0")
        self._read, self._photographs = _opened(photographs)
        # Shared, so that persistent workers learn of the next epoch.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._part = _part(range(self.n_images), self.rank, self.world_size)
        self._done = np.zeros(len(self._part), np.bool_)
        self._done_epoch = 0

    @property
    def n_images(self) -> int:
        """Number of images an epoch over all ranks: photographs times variants."""
        return len(self._photographs) * len(self.variants)

    @property
    def epoch(self) -> int:
        """Number of the epoch that iterating gives, from 0."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; if it is the current one, what was reported is kept."""
        if epoch != self.epoch:
            self._epoch.fill_(epoch)
            self._done[:] = False
        self._done_epoch = epoch

    def advance(self, indices: "torch.Tensor | Sequence[int] | int") -> None:
        """Report items as used, such as a batch's `index`, in the process that trains.

        Raises:
            UsageError: an index is not one of this rank's.
        """
        positions = np.atleast_1d(np.asarray(indices, dtype=np.int64)) - self._part.start
        if positions.size and not 0 <= positions.min() <= positions.max() < len(self._part):
            raise UsageError(
                f"an index lies outside of {self._part.start} to {self._part.stop - 1}, the items "
                f"of rank {self.rank} of {self.world_size}"
            )
        self._done[positions] = True
        if self._done.all():
            self.set_epoch(self.epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Give what `load_state_dict` needs to go on: plain numbers, names and lists.

        Raises:
            UsageError: it is called in a worker, which does not know what was used.
        """
        if get_worker_info() is not None:
            raise UsageError("the state of a VariantStream is in the process that trains, not here")
        edges = np.flatnonzero(np.diff(self._done, prepend=False, append=False))
        done = (edges + self._part.start).reshape(-1, 2).tolist()
        return {**self._identity(), "epoch": self.epoch, "done": done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; to be called before the loader is iterated.

        Raises:
            UsageError: the state is damaged, or of a stream with other photographs, variants, seed,
                rank or number of ranks.
        """
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise UsageError(
                    f"the state is of another {name.replace('_', ' ')} ({state.get(name)!s:.80}, "
                    f"not {value!s:.80}); make the stream as it was"
                )
        if any(not self._part.start <= a < b <= self._part.stop for a, b in state["done"]):
            raise UsageError("the state is damaged: it tells of items that this rank has not")
        self.set_epoch(state["epoch"])
        self._done[:] = False
        for start, stop in state["done"]:
            self._done[start - self._part.start : stop - self._part.start] = True

    def __iter__(self) -> Iterator[dict[str, Any]]:
        epoch = self.epoch
        done = self._done if self._done_epoch == epoch else np.zeros_like(self._done)
        left = np.flatnonzero(~done) + self._part.start
        worker = get_worker_info()
        if worker is not None:
            part = _part(range(len(left)), worker.id, worker.num_workers)
            left = left[part.start : part.stop]
        order = self._order(epoch)
        pairs = [(int(order[index]), int(index)) for index in left]
        # The variants of a photograph share its decoding wherever they are neighbours.
        n_variants = len(self.variants)
        for photograph, neighbours in groupby(pairs, key=lambda pair: pair[0] // n_variants):
            yield from self._rendered(photograph, dict(neighbours))

    def _rendered(self, photograph: int, indices: dict[int, int]) -> Iterator[dict[str, Any]]:
        image = self._photographs[photograph]
        clean = decode(self._read(image), image.name)
        first = photograph * len(self.variants)
        wanted = {self.variants[pair - first]: index for pair, index in indices.items()}
        for rendered in render_ladder(clean, image_id=image.image_id, only=wanted):
            item = {
                "image": self._transformed(rendered.pixels),
                "image_id": image.image_id,
                "variant": rendered.variant.name,
                "index": wanted[rendered.variant],
            }
            if image.wnid:
                item["label"] = classes.labels()[image.wnid]
            yield item

    def _transformed(self, pixels: Pixels) -> Any:
        if self.transform is None:
            return torch.from_numpy(pixels.transpose(2, 0, 1).copy())
        return self.transform(Image.fromarray(pixels))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Give the pair at each place of an epoch, as photograph * number of variants + variant."""
        if self.seed is None:
            return np.arange(self.n_images)
        key = sha256(f"{KEY_PREFIX}stream/{self.seed}/{epoch}".encode()).digest()[:16]
        # Numpy guarantees this stream of bits for all its versions, but not its permutations.
        bits = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(self.n_images)
        return np.argsort(bits, kind="stable")

    def _identity(self) -> dict[str, Any]:
        names = "".join(f"{image.image_id}\n" for image in self._photographs)
        return {
            "photographs": sha256(names.encode()).hexdigest(),
            "variants": [variant.name for variant in self.variants],
            "seed": self.seed,
            "rank": self.rank,
            "world_size": self.world_size,
        }


def _opened(
    photographs: str | Path | Source,
) -> tuple[Callable[[SourceImage], bytes], Sequence[SourceImage]]:
    """Give a function that reads a photograph, which can be pickled, and list all photographs."""
    if not isinstance(photographs, str | Path):
        if photographs.is_remote:
            raise UsageError("the source is not on this machine; download it, and name its folder")
        images = photographs.images()
        for image in images:
            if image.wnid not in classes.labels():
                raise UsageError(
                    f"{image.name}: {image.wnid!r} is none of ImageNet's 1,000 classes; give the "
                    "folder's path, to read it without labels"
                )
        return photographs.read, images
    folder = PictureFolder(Path(photographs).absolute())
    if not folder.root.is_dir():
        raise UsageError(f"{photographs}: no such folder; name a folder of pictures, or a source")
    # The class is empty because a folder has no labels.
    images = [SourceImage(image_id=path, wnid="", name=path) for path in folder.listing().paths]
    return partial(_read, folder), images


def _read(folder: PictureFolder, image: SourceImage) -> bytes:
    return folder.read(image.name)


def _part(whole: range, number: int, count: int) -> range:
    """Cut one of `count` parts out of a range; their lengths differ by one at most."""
    return whole[len(whole) * number // count : len(whole) * (number + 1) // count]


def _from_environment(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise UsageError(f"{name}={text!r} in the environment is no number; mend it, or give it")
    return int(text)

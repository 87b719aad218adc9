"""Draw random variants for training, each as a pure function of a few numbers.

A draw comes from the SHA-256 of seed, epoch and sample, not from a generator's state. So it is the
same in any process, in any order, on a CPU and on a GPU.
"""

import operator
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from math import isfinite
from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawValue
from typing import Any, NamedTuple, SupportsInt

import numpy as np

from imagenetq.errors import UsageError
from imagenetq.specification import CLEAN, KEY_PREFIX, Value, Variant, ladder, variant, variants

Limits = Value | tuple[Value, Value] | None
"""Range of a parameter, both ends included, or one value; None for the whole ladder."""

Sample = int | str
"""What identifies a sample: its index in the data set, or its id."""

_BITS = 2**53
"""Number of values that a drawn fraction can take; a float holds each of them exactly."""


class Draw(NamedTuple):
    """The variant that was drawn for a sample."""

    variant: Variant
    """Variant of the image."""

    image_id: str
    """Id that keys the noise, if the variant is noise; differs with seed, epoch and sample."""


class Draws:
    """A source of random variants, one for each sample, with the options of `imagenetq.Distort`."""

    def __init__(
        self,
        distortion: str | Mapping[str, Limits],
        *,
        weights: Mapping[str, float] | None,
        levels: int | tuple[int, int] | None,
        p_clean: float,
        seed: int | None,
        limits: Mapping[str, Limits],
    ) -> None:
        self._choices = tuple(
            _rungs(name, wanted, levels) for name, wanted in _limits_of(distortion, limits).items()
        )
        self.rungs = tuple(rung for choice in self._choices for rung in choice)
        names = [choice[0].distortion for choice in self._choices]
        self._cumulative = list(accumulate(_weights_of(names, {} if weights is None else weights)))
        if not (isinstance(p_clean, int | float) and 0 <= p_clean <= 1):
            raise UsageError(f"p_clean is a probability from 0 to 1, not {p_clean!r}")
        self._p_clean = p_clean
        self.seed = _whole("seed", secrets.randbits(63) if seed is None else seed)
        self._epoch = _SharedNumber(0)
        self.position = 0
        """Number of samples without a name that were drawn for in this epoch."""

    @property
    def epoch(self) -> int:
        """The epoch that samples are drawn for, from 0."""
        return self._epoch.value

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch, also in worker processes that already run."""
        number = _whole("epoch", epoch)
        if not 0 <= number < 2**63:
            raise UsageError(f"an epoch is counted from 0, and below 2^63; not {number}")
        self._epoch.value = number
        self.position = 0

    def draw(self, sample: Sample) -> Draw:
        """Draw for one sample of this epoch; repeating the draw anywhere gives the same."""
        return self.draw_each([sample])[0]

    def draw_each(self, samples: Iterable[Sample]) -> list[Draw]:
        """Draw for several samples of this epoch."""
        start = f"draw/{self.seed}/{self.epoch}/"
        keys = [f"{start}{sample}" for sample in samples]
        digests = b"".join([sha256((KEY_PREFIX + key).encode()).digest() for key in keys])
        words = (np.frombuffer(digests, "<u8").reshape(-1, 4) >> 11).astype(np.int64)
        clean, distortion, rung = words[:, :3].T
        drawn = distortion / _BITS * self._cumulative[-1]
        chosen = np.searchsorted(self._cumulative, drawn, side="right")
        chosen = np.minimum(chosen, len(self._choices) - 1)
        n_rungs = np.array([len(choice) for choice in self._choices])[chosen]
        rungs = np.where(clean / _BITS < self._p_clean, -1, rung * n_rungs // _BITS)
        undistorted = variant(CLEAN)
        return [
            Draw(self._choices[choice][index] if index >= 0 else undistorted, key)
            for key, choice, index in zip(keys, chosen.tolist(), rungs.tolist(), strict=True)
        ]

    def draw_next(self, n: int) -> list[Draw]:
        """Draw for the next `n` samples, which have no name and are known by their place.

        Where several processes train together and take turns, places are counted over the samples
        of all of them. Each worker of a data loader counts its own samples, and its seed tells it
        apart from the others.
        """
        rank, world_size = _rank()
        worker = _worker_seed()
        prefix = "" if worker is None else f"{worker}:"
        positions = range(self.position, self.position + n)
        self.position += n
        return self.draw_each(f"{prefix}{position * world_size + rank}" for position in positions)

    def state(self) -> dict[str, int]:
        """Give what must be kept to go on with the same draws."""
        return {"seed": self.seed, "epoch": self.epoch, "position": self.position}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where a `state` was taken, also of another instance."""
        if not isinstance(state, Mapping) or set(state) != set(self.state()):
            raise UsageError(f"a state of Distort holds {', '.join(self.state())}; this: {state}")
        seed, epoch, position = (_whole(name, state[name]) for name in self.state())
        self.seed = seed
        self.set_epoch(epoch)
        self.position = position

    def describe(self) -> str:
        """Describe what can be drawn, in the form of the options."""
        ranges = [f"{choice[0].name} to {choice[-1].name}" for choice in self._choices]
        names = [choice[0].distortion for choice in self._choices]
        listed = ", ".join(f"{n!r}: {r}" for n, r in zip(names, ranges, strict=True))
        drawn = f"{names[0]!r}, {ranges[0]}" if len(names) == 1 else f"{{{listed}}}"
        return drawn + (f", p_clean={self._p_clean}" if self._p_clean else "")


class _SharedNumber:
    """A 64-bit whole number whose changes are seen by running worker processes.

    Only starting a process shares it; a copy made in any other way is a number of its own.
    """

    def __init__(self, value: int) -> None:
        self._cell: Any = RawValue("q", value)

    @property
    def value(self) -> int:
        """The current value."""
        return int(self._cell.value)

    @value.setter
    def value(self, value: int) -> None:
        self._cell.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        if get_spawning_popen() is None:
            return _SharedNumber, (self.value,)
        return _shared, (self._cell,)


def _shared(cell: Any) -> _SharedNumber:
    number = _SharedNumber(0)
    number._cell = cell
    return number


class Drawing:
    """What a random transform of arrays and one of tensors have in common: how they draw."""

    _draws: Draws

    @property
    def rungs(self) -> tuple[Variant, ...]:
        """All variants that can be drawn, except clean."""
        return self._draws.rungs

    def variant_of(self, sample: Sample) -> Variant:
        """Tell which variant a sample that draws its own gets in this epoch."""
        return self._draws.draw(*samples_of([sample], 1)).variant

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: other draws for the same samples, also in workers that already run."""
        self._draws.set_epoch(epoch)


def drawn_seed(
    seed: int | None, generator: Any, kind: type, name: str, draw: Callable[[Any], SupportsInt]
) -> int | None:
    """Let the generator draw the seed, below 2^63, if there is one; `name` is its type's name."""
    if generator is None:
        return seed
    if seed is not None:
        raise UsageError("the generator draws the seed; give one of both")
    if not isinstance(generator, kind):
        raise UsageError(f"generator is a {name}, not {generator!r}")
    return int(draw(generator))


def samples_of(samples: Iterable[Any], n: int) -> list[Sample]:
    """Check the names of `n` samples, which are whole numbers or texts, one each."""
    if isinstance(samples, str) or not isinstance(samples, Iterable):
        raise UsageError(f"samples are indices or ids, one for each image, not {samples!r}")
    named = [
        sample if isinstance(sample, str) else _whole("a sample", sample) for sample in samples
    ]
    if len(named) != n:
        raise UsageError(f"{len(named)} samples are named for {n} images; name one for each")
    return named


def _limits_of(
    distortion: str | Mapping[str, Limits], limits: Mapping[str, Limits]
) -> Mapping[str, Limits]:
    if not isinstance(distortion, str):
        several = "or several as {'blur': (1, 3), 'jpeg': None}"
        if not isinstance(distortion, Mapping):
            raise UsageError(f"a distortion's name, {several}, not {distortion!r}")
        if not distortion:
            raise UsageError(f"no distortion named; give one, {several}")
        if limits:
            raise UsageError(
                f"of several distortions, each has its own range: {{'blur': (1, 3), ..}}; "
                f"leave {', '.join(limits)} out"
            )
        return distortion
    parameter = ladder(distortion).parameter
    for name in limits:
        if name != parameter:
            raise UsageError(f"{distortion} has no parameter {name!r}; it has {parameter!r}")
    return {distortion: limits.get(parameter)}


def _rungs(
    distortion: str, limits: Limits, levels: int | tuple[int, int] | None
) -> tuple[Variant, ...]:
    ladder(distortion)
    rungs = tuple(v for v in variants() if v.distortion == distortion)
    in_range = tuple(
        v
        for v in rungs
        if v.value is not None and _within(v.value, limits) and _within(v.level, levels)
    )
    if not in_range:
        asked = {"": limits, " (levels)": levels}
        wanted = [f"{_span(one)}{of}" for of, one in asked.items() if one is not None]
        values = ", ".join(str(v.value) for v in rungs)
        raise UsageError(
            f"no rung of {distortion} lies in {' and '.join(wanted)}; there are {values}"
        )
    return in_range


def _within(value: Value, limits: Limits) -> bool:
    if limits is None:
        return True
    low, high = sorted(_ends(limits))
    return low <= value <= high


def _span(limits: Any) -> str:
    low, high = _ends(limits)
    return f"{low} to {high}"


def _ends(limits: Any) -> tuple[Value, Value]:
    ends = tuple(limits) if isinstance(limits, tuple | list) else (limits, limits)
    if len(ends) != 2 or not all(isinstance(end, int | float) for end in ends):
        raise UsageError(f"a range is a pair (from, to) or one number, not {limits!r}")
    return ends


def _weights_of(distortions: Sequence[str], weights: Mapping[str, float]) -> list[float]:
    if not isinstance(weights, Mapping):
        raise UsageError(f"weights are given by distortion, {{'blur': 2}}, not {weights!r}")
    for name, weight in weights.items():
        if name not in distortions:
            raise UsageError(
                f"a weight is given for {name!r}, which is not among {', '.join(distortions)}"
            )
        if not (isinstance(weight, int | float) and isfinite(weight) and weight > 0):
            raise UsageError(f"the weight of {name} is a positive number, not {weight!r}")
    return [float(weights.get(name, 1)) for name in distortions]


def _whole(name: str, number: Any) -> int:
    if not hasattr(number, "__index__") or isinstance(number, bool):
        raise UsageError(f"{name} is a whole number, not {number!r}")
    return operator.index(number)


def _rank() -> tuple[int, int]:
    """Give this process's rank among those that train together, and how many they are."""
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    # A data loader's worker has no process group, only the variables that torchrun set.
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def _worker_seed() -> int | None:
    """Give the seed of the torch data loader worker that this runs in; None if it runs in none.

    Torch is not imported for this.
    """
    torch_data: Any = sys.modules.get("torch.utils.data")
    info = torch_data.get_worker_info() if torch_data is not None else None
    return None if info is None else int(info.seed)

"""A random distortion as a torchvision-style transform, for training on distorted images.

Dodge & Karam 2016 leave training on low-quality images as future work; this is the tool for it.
"""

import secrets
import sys
from typing import Any

import numpy as np

from imagenetq.errors import UsageError
from imagenetq.rendering import AnyImage, render
from imagenetq.specification import Value, Variant, ladder, variants


class Distort:
    """Distort each image at a random rung of one distortion's ladder.

    Works on Pillow images and RGB arrays, so it stands before `ToTensor` or `PILToTensor` in a
    pipeline; torch need not be installed. Each draw is uniform over the rungs in range; noise
    gets a fresh field every time.

    Randomness is the transform's own: no global state is read or changed. In one process `seed`
    alone decides what is drawn, call by call. In the worker processes of a
    `torch.utils.data.DataLoader` two seeds do: `seed`, and the worker's, which the loader draws
    for each epoch from its `generator` (torch's own, of `torch.manual_seed`, if it has none). So
    each worker and each epoch draws differently, and a training repeats exactly if both are fixed
    and the number of workers is the same; with one of them left open it does not.

    Args:
        distortion: `"blur"`, `"noise"`, `"contrast"`, `"jpeg"` or `"jpeg2000"`.
        seed: of the transform's generator; None draws one from the operating system, so that
            nothing repeats.
        **limits: the distortion's parameter as a pair (from, to), both included, or as one
            value: `sigma=(1, 3)`, `quality=10`. Left out: the whole ladder.

    Raises:
        UsageError: no such distortion or parameter, or no rung in range.

    Examples:
        >>> distort = Distort("blur", sigma=(1, 3), seed=0)
        >>> [v.name for v in distort.rungs]
        ['blur-1', 'blur-2', 'blur-3']
    """

    def __init__(
        self,
        distortion: str,
        *,
        seed: int | None = None,
        **limits: Value | tuple[Value, Value],
    ) -> None:
        parameter = ladder(distortion).parameter
        for name in limits:
            if name != parameter:
                raise UsageError(f"{distortion} has no parameter {name!r}; it has {parameter!r}")
        self.distortion = distortion
        self.rungs = _rungs_in_range(distortion, limits.get(parameter))
        self._seed = seed if seed is not None else secrets.randbits(64)
        self._worker: int | None = None
        self._generator = np.random.default_rng(self._seed)

    def __call__(self, image: AnyImage) -> AnyImage:
        """Distort an RGB array or Pillow image; the same kind comes back."""
        self._follow_worker()
        rung = self.rungs[int(self._generator.integers(len(self.rungs)))]
        key = self._generator.bytes(16).hex()
        return render(image, rung.name, image_id=key)

    def __repr__(self) -> str:
        return f"Distort({self.distortion!r}, {self.rungs[0].name} to {self.rungs[-1].name})"

    def _follow_worker(self) -> None:
        """In a new data loader worker, leave the generator that all workers got a copy of."""
        worker = _worker_seed()
        if worker != self._worker:
            self._worker = worker
            entropy = self._seed if worker is None else [self._seed, worker]
            self._generator = np.random.default_rng(entropy)


def _rungs_in_range(
    distortion: str, limits: Value | tuple[Value, Value] | None
) -> tuple[Variant, ...]:
    rungs = tuple(v for v in variants() if v.distortion == distortion)
    if limits is None:
        return rungs
    low, high = limits if isinstance(limits, tuple) else (limits, limits)
    in_range = tuple(
        v for v in rungs if v.value is not None and min(low, high) <= v.value <= max(low, high)
    )
    if not in_range:
        values = ", ".join(str(v.value) for v in rungs)
        raise UsageError(f"no rung of {distortion} lies in {low} to {high}; there are {values}")
    return in_range


def _worker_seed() -> int | None:
    """The seed of the torch data loader worker that we run in, without importing torch."""
    torch_data: Any = sys.modules.get("torch.utils.data")
    info = torch_data.get_worker_info() if torch_data is not None else None
    return None if info is None else int(info.seed)

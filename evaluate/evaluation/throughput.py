"""Measure an evaluation's progress: how many images a second, and what holds it up."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from imagenetq.evaluate.inputs.batch import Batch
from imagenetq.progress import Meter, Tally


class Gauge:
    """A count of answered images, and of the seconds that the device waited for data.

    Only where the networks run on something else than the CPU, which the workers use, is there a
    device that waits.
    """

    def __init__(self, meter: Meter, already_done: int, *, has_device: bool) -> None:
        self.images, self.waited = 0, 0.0
        self._meter, self._already_done, self._has_device = meter, already_done, has_device
        self._answered: Counter[str] = Counter()
        self._start = time.monotonic()

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Give the same batches, and measure how long each is waited for.

        The wait for the first is not counted: the workers are starting, which says nothing of their
        pace.
        """
        batch = next(batches, None)
        self._start = time.monotonic()
        while batch is not None:
            yield batch
            asked = time.monotonic()
            batch = next(batches, None)
            self.waited += time.monotonic() - asked

    def advance(self, variants: Sequence[str]) -> None:
        """Count answered images, given the variant of each, and show the progress."""
        self.images += len(variants)
        self._answered.update(variants)
        done = self.images + self._already_done
        details = [f"{name}: {self._answered[name]}" for name in variants[-1:]]
        if self._has_device:
            details.append(f"waiting for the {self.bottleneck}")
        self._meter.show(Tally(done, self._already_done, 0), details)

    @property
    def _elapsed(self) -> float:
        return max(time.monotonic() - self._start, 1e-9)

    @property
    def bottleneck(self) -> str:
        """`data` if the device mostly waited for batches, else `device`."""
        return "data" if self.waited > self._elapsed / 2 else "device"

    def summary(self) -> str:
        """Sum up in one line: images, rate, and whether the data or the device was the bottleneck.

        On the CPU neither is, since workers and networks share its cores.
        """
        elapsed = self._elapsed
        rate = f"{self.images} images in {elapsed:.1f} s, {self.images / elapsed:.1f} images/s"
        if not self._has_device:
            return f"{rate} on the CPU"
        return (
            f"{rate}; the bottleneck was the {self.bottleneck} (data were waited for "
            f"{self.waited / elapsed:.0%} of the time)"
        )

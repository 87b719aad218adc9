"""Progress of an evaluation: images/s, time left, and who waits for whom."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from imagenetq.progress import Meter, Tally

Item = TypeVar("Item")


class Gauge:
    """Counts samples, and measures how long the device's side waited for data.

    Attributes:
        samples: answered so far.
        waited: seconds spent waiting for a batch, after the first one.
    """

    def __init__(self, meter: Meter, already_done: int) -> None:
        self.samples = 0
        self.waited = 0.0
        self._meter = meter
        self._already_done = already_done
        self._answered: Counter[str] = Counter()
        self._start = time.monotonic()

    def timed(self, batches: Iterator[Item]) -> Iterator[Item]:
        """The same batches, the waiting for each measured.

        The wait for the first is that of the workers' start, which says nothing of their pace.
        """
        for first in batches:
            self._start = time.monotonic()
            yield first
            break
        while True:
            asked = time.monotonic()
            batch = next(batches, None)
            self.waited += time.monotonic() - asked
            if batch is None:
                return
            yield batch

    def advance(self, variants: Sequence[str]) -> None:
        """Count samples as answered, one a variant's name, and show how far each has come."""
        self.samples += len(variants)
        self._answered.update(variants)
        done = self.samples + self._already_done
        self._meter.show(Tally(done, self._already_done, 0), self._detail(variants))

    def _detail(self, variants: Sequence[str]) -> str:
        if not variants:
            return f"waiting for the {self.bottleneck}"
        latest = variants[-1]
        return f"{latest}: {self._answered[latest]} images, waiting for the {self.bottleneck}"

    @property
    def bottleneck(self) -> str:
        """`data` if the device's side mostly waited for batches, else `device`."""
        elapsed = max(time.monotonic() - self._start, 1e-9)
        return "data" if self.waited > elapsed / 2 else "device"

    def summary(self) -> str:
        """One line: samples, rate, and whether the data or the device was the bottleneck."""
        elapsed = max(time.monotonic() - self._start, 1e-9)
        return (
            f"{self.samples} images in {elapsed:.1f} s, {self.samples / elapsed:.1f} images/s; the "
            f"bottleneck was the {self.bottleneck} (data were waited for "
            f"{self.waited / elapsed:.0%} of the time)"
        )

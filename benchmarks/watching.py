"""Watch what a machine and its processes do meanwhile."""

import shutil
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean

import psutil

_SAMPLE_SECONDS = 0.1


@contextmanager
def peak_memory_of_children() -> Iterator[dict[int, int]]:
    """Sample the resident memory of this process's children; gives each peak in bytes by its id."""
    peaks: defaultdict[int, int] = defaultdict(int)
    done = threading.Event()
    this = psutil.Process()

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            for child in this.children(recursive=True):
                try:
                    peaks[child.pid] = max(peaks[child.pid], child.memory_info().rss)
                except psutil.Error:  # It has just ended.
                    continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        done.set()
        watcher.join()


@dataclass
class Busy:
    """The load of a machine."""

    cpu: float = 0.0
    """Share of all cores' time that was used, 0 to 1."""

    gpu: float | None = None
    """Share of the time in which a kernel ran on the first GPU, 0 to 1, as its driver samples it;
    None without a GPU."""


@contextmanager
def busy() -> Iterator[Busy]:
    """Measure how busy CPU and GPU are until the end of the block; to be read after it."""
    result = Busy()
    ask = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0", "-lms", "200"]
    tool = shutil.which("nvidia-smi")
    sampler = subprocess.Popen([tool, *ask], stdout=subprocess.PIPE, text=True) if tool else None
    psutil.cpu_percent()
    try:
        yield result
    finally:
        result.cpu = psutil.cpu_percent() / 100
        if sampler is not None:
            sampler.terminate()
            lines, _ = sampler.communicate()
            samples = [int(line) for line in lines.split() if line.isdigit()]
            result.gpu = fmean(samples) / 100 if samples else None

"""What the tests have worker processes do; a module, so that a spawned process can import it."""

import os
import signal
from multiprocessing.connection import Connection

from imagenetq import Distort
from imagenetq.builder.executors import Reporter
from imagenetq.errors import SourceError


def square(offset: int, unit: int, reporter: Reporter) -> int:
    reporter.advance(1)
    reporter.add_bytes(unit)
    return offset + unit * unit


def fail(_: None, unit: int, reporter: Reporter) -> int:
    reporter.stop_if_asked()
    if unit == 1:
        raise SourceError("unit 1 is damaged")
    return unit


def threads(_: None, __: int, ___: Reporter) -> str:
    return os.environ["OPENBLAS_NUM_THREADS"]


def die(_: None, __: int, ___: Reporter) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stumble(_: None, unit: int, ___: Reporter) -> int:
    return 1 // unit


def draw_when_told(distort: Distort, pipe: Connection) -> None:
    """Answer each sample with the name of its variant, until there is none."""
    while (sample := pipe.recv()) is not None:
        pipe.send(distort.variant_of(sample).name)

"""Work on strangers' files can take neither all memory nor all time, nor the check with it."""

import os
import time

import psutil
import pytest

from imagenetq.confined import Confined
from imagenetq.errors import EntryError, PredictionsError

# What runs there must be importable there: functions of the standard library.


def test_work_gives_its_result_or_what_it_raises():
    with Confined() as confined:
        assert confined.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            confined.run(divmod, 7, 0)
        assert confined.run(divmod, 8, 2) == (4, 0)
        with pytest.raises(PredictionsError, match=r"^one line$"):
            confined.run(exec, "from imagenetq.errors import *; raise PredictionsError('one line')")


def test_too_much_memory_is_refused_and_the_next_work_goes_on():
    with Confined(memory=2**28) as confined:
        with pytest.raises(EntryError, match="takes too much memory"):
            confined.run(bytearray, 2**30)
        assert len(confined.run(bytearray, 2**20)) == 2**20


def test_a_crash_is_not_ours():
    with Confined() as confined:
        with pytest.raises(EntryError, match="crashes the reader"):
            confined.run(os._exit, 139)
        assert confined.run(divmod, 7, 2) == (3, 1)


def test_too_long_a_computation_ends():
    with Confined(seconds=1) as confined:
        start = time.monotonic()
        with pytest.raises(EntryError, match="too much memory or time"):
            confined.run(exec, "while True: pass")
        assert time.monotonic() - start < 30


def test_modules_are_imported_from_the_context_s_beginning_outside_of_the_limits():
    imported = "'pyarrow.parquet' in __import__('sys').modules"
    before = psutil.Process().children()
    with Confined() as confined:
        (process,) = set(psutil.Process().children()) - set(before)
        assert confined.run(os.getpid) == process.pid
        assert confined.run(eval, imported)
        # Begun again, it imports again.
        with pytest.raises(EntryError, match="crashes the reader"):
            confined.run(os._exit, 139)
        assert confined.run(eval, imported)
    with Confined(modules=("no_such_module",)) as confined:
        assert confined.run(divmod, 7, 2) == (3, 1)
        assert not confined.run(eval, imported)


def test_nothing_is_left_behind():
    with Confined() as confined:
        process = confined.run(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)

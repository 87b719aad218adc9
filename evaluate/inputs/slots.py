"""Keep shared memory that workers fill with photographs, and that the GPU reads by itself.

Memory that is made anew for each arrival takes this process longer than the GPU takes to render it:
to map it, to copy it to memory that the GPU can read, and to give it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.context import BaseContext
from typing import Any

import torch

SLOT_BYTES = 8 * 2**20
"""Bytes of photographs that arrive together, some fourteen of them."""

_SLOTS_A_WORKER, _MOST_SLOTS = 3, 64

_PATIENCE = 1.0
"""Seconds to wait for the others' lock; a worker that was killed may have kept it."""


class Slots:
    """Pieces of shared memory; may be handed to workers when they start."""

    def __init__(self, n: int, context: BaseContext) -> None:
        """Make `n` free slots.

        Raises:
            RuntimeError: there is no room for them in shared memory.
            OSError: there is none for their lock.
        """
        # Nothing is copied so.
        storage = torch.UntypedStorage._new_shared(n * SLOT_BYTES)  # type: ignore[no-untyped-call]
        self._memory = torch.empty(0, dtype=torch.uint8).set_(storage).view(n, SLOT_BYTES)
        self._free: Any = context.Array("b", [1] * n)

    def take(self) -> int | None:
        """Take a free slot; None if there is none at the moment."""
        lock = self._free.get_lock()
        if not lock.acquire(timeout=_PATIENCE):
            return None
        try:
            free = bytes(self._free.get_obj()).find(1)
            if free < 0:
                return None
            self._free.get_obj()[free] = 0
            return free
        finally:
            lock.release()

    def release(self, slot: int) -> None:
        """Give a slot back, whose bytes are no longer needed."""
        self._free.get_obj()[slot] = 1

    def bytes_of(self, slot: int) -> torch.Tensor:
        """Give a slot's memory: uint8 of shape (SLOT_BYTES,)."""
        return self._memory[slot]

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Let the GPU read the memory by itself until the end of the block, if the driver can."""
        address, size = self._memory.data_ptr(), self._memory.nbytes
        runtime: Any = torch.cuda.cudart()  # type: ignore[no-untyped-call]
        is_pinned = int(runtime.cudaHostRegister(address, size, 0)) == 0
        if not is_pinned:
            # What failed would be reported by the next kernel that is started.
            with suppress(RuntimeError):
                torch.zeros(1, device="cuda")
        try:
            yield
        finally:
            with suppress(RuntimeError):
                torch.cuda.synchronize()
            if is_pinned:
                runtime.cudaHostUnregister(address)


def slots_for(workers: int, context: BaseContext) -> Slots | None:
    """Make slots for so many workers; None if shared memory has no room for them."""
    try:
        return Slots(min(_MOST_SLOTS, _SLOTS_A_WORKER * workers), context)
    except (RuntimeError, OSError):
        return None

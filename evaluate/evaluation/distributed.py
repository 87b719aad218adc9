"""Share the work of one evaluation among the processes of `torchrun`, one for each GPU."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from imagenetq.errors import ImagenetqError
from imagenetq.evaluate.data.base import Task

_PATIENCE = timedelta(days=7)

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes that evaluate together, and this one's place among them."""

    rank: int = 0
    """Number of this process, from 0; process 0 gathers the results."""

    size: int = 1

    local_rank: int = 0
    """Number of this process among those of its machine, from 0; it chooses the GPU."""

    def share(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """Select this process's tasks; every task belongs to exactly one process."""
        return tasks[self.rank :: self.size]

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            distributed.barrier()

    def decide(self, decision: Callable[[], T]) -> T:
        """Let the first process decide for all; what it raises is raised by all.

        Only our own errors and those of the operating system are passed on.
        """
        outcome: list[Any] = [None, None]
        if self.rank == 0:
            try:
                outcome[0] = decision()
            except (ImagenetqError, OSError) as error:
                outcome[1] = error
        if self.size > 1:
            distributed.broadcast_object_list(outcome)
        if outcome[1] is not None:
            raise outcome[1]
        decided: T = outcome[0]
        return decided


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the other processes that `torchrun` started, if it did.

    They exchange no predictions: all store their finished tasks in the folder of results.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or not distributed.is_available():
        yield World()
        return
    # Barriers and small decisions are all that is exchanged; gloo does both on every machine.
    distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield World(distributed.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        distributed.destroy_process_group()


def own_device(device: torch.device, world: World) -> torch.device:
    """Choose the GPU of this process, if several processes share the work."""
    if str(device) == "cuda" and world.size > 1:
        return torch.device("cuda", world.local_rank % torch.cuda.device_count())
    return device

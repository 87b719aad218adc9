"""Run one network on one device, in smaller pieces when memory runs out."""

from collections import deque
from collections.abc import Iterator

import torch

from imagenetq.choices import Precision
from imagenetq.evaluate.evaluation.answers import Answers, pack, unpack
from imagenetq.evaluate.evaluation.cuda_graph import GraphPool, Recorded, recorded
from imagenetq.evaluate.inputs.normalise import quickest_normalise
from imagenetq.evaluate.models.base import Model
from imagenetq.torch.transfer import Copier

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
_IN_FLIGHT = 4

_BEFORE_RECORDING = 2
"""Whole batches that run before one is recorded: they choose algorithms and compile."""


class Runner:
    """One model on one device.

    Answers come back in order, a few batches late, so that the device never waits for the host:
    `submit` queues a batch, `ready` gives what has arrived, `drain` all the rest.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        precision: Precision,
        *,
        compiled: bool = False,
        batch_size: int,
        graph_pool: GraphPool | None = None,
    ) -> None:
        """Bring a model to a device.

        With `graph_pool`, whole batches run as a CUDA graph where they give the same answers so.
        """
        self.model = model
        self.device = device
        self.chunk = batch_size
        self._half = HALF.get(precision)
        self._copier = Copier(device)
        self._normalise = quickest_normalise(device)
        module = model.module.to(device).to(memory_format=torch.channels_last).eval()
        self._module = torch.compile(module) if compiled else module
        self._compiled = compiled
        self._batch_size, self._graph_pool = batch_size, graph_pool
        self._n_whole = 0
        self._recorded: Recorded | None = None
        self._pending: deque[tuple[torch.Tensor, torch.cuda.Event | None]] = deque()

    def submit(self, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        """Queue a batch: inputs as in `Batch.inputs`, and labels, int64 of shape (n,)."""
        with torch.inference_mode():
            on_device = self._copier.to_device(inputs)
            packed = self._answered(on_device, self._copier.to_device(labels))
            if self.device.type != "cuda":
                self._pending.append((packed, None))
                return
            host = torch.empty(packed.shape, dtype=packed.dtype, pin_memory=True)
            host.copy_(packed, non_blocking=True)
            arrived = torch.cuda.current_stream(self.device).record_event()
            self._pending.append((host, arrived))

    def _answered(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Compute what `pack` packs, by the recorded graph if there is one."""
        if self._recorded is not None and self._recorded.takes(inputs):
            return self._recorded(inputs, labels)
        packed = pack(self._logits(inputs), labels)
        # A network that ran out of memory is no longer given whole batches.
        if self._graph_pool is not None and len(inputs) == self.chunk == self._batch_size:
            self._n_whole += 1
            if self._n_whole == _BEFORE_RECORDING:
                self._recorded = recorded(
                    lambda inputs, labels: pack(self._forward(inputs), labels),
                    *(inputs, labels, self._graph_pool),
                )
        return packed

    def ready(self) -> Iterator[Answers]:
        """Give the answers to the oldest batches, as long as more than a few are in flight."""
        while len(self._pending) > _IN_FLIGHT:
            yield self._oldest()

    def drain(self) -> Iterator[Answers]:
        """Give the answers to all batches that are left."""
        while self._pending:
            yield self._oldest()

    def _oldest(self) -> Answers:
        packed, arrived = self._pending.popleft()
        if arrived is not None:
            arrived.synchronize()
        return unpack(packed)

    def _logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute logits, float32 of shape (n, 1000); in smaller pieces once memory ran out."""
        while True:
            try:
                pieces = [self._forward(piece) for piece in torch.split(inputs, self.chunk)]
                return torch.cat(pieces)
            except torch.OutOfMemoryError:
                if self.chunk == 1:
                    raise
                self.chunk = max(1, self.chunk // 2)
                torch.cuda.empty_cache()

    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        n = len(inputs)
        if self._compiled and n < self.chunk:
            # A compiled network is compiled for one shape, so a short batch is filled up.
            inputs = torch.cat([inputs, inputs[-1:].expand(self.chunk - n, *inputs.shape[1:])])
        images = self._normalise(inputs, self.model.preprocessing)
        with torch.autocast(self.device.type, dtype=self._half, enabled=self._half is not None):
            logits: torch.Tensor = self._module(images)
        return logits[:n].float()

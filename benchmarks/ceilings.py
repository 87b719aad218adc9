"""Measure what an evaluation can reach at most: the network alone, and the cores alone."""

import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from imagenetq.decoding import STORED_FORMATS, decode
from imagenetq.evaluate.device import Precision, exact_arithmetic
from imagenetq.evaluate.evaluation.runner import HALF
from imagenetq.evaluate.models import Model
from imagenetq.evaluate.models.preprocessing import AnyPreprocessing
from imagenetq.shards import READERS


def forward_only(
    model: Model, precision: Precision, device: torch.device, batch_size: int, seconds: float
) -> float:
    """Measure images/s of the network alone, on normalised batches that are there already.

    It computes for so many `seconds` at least.
    """
    module = model.module.to(device).to(memory_format=torch.channels_last).eval()
    size = model.preprocessing.input_size or (224, 224)
    inputs = torch.rand(batch_size, 3, *size, device=device)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    half = HALF.get(precision)

    def run() -> None:
        with torch.autocast(device.type, dtype=half, enabled=half is not None):
            module(inputs)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    with torch.inference_mode(), exact_arithmetic(precision):
        for _ in range(3):
            run()
        wait()
        n_batches, start = 0, time.perf_counter()
        while n_batches == 0 or time.perf_counter() - start < seconds:
            for _ in range(4):
                run()
            wait()
            n_batches += 4
        return n_batches * batch_size / (time.perf_counter() - start)


def cores_only(dataset: Path, preprocessing: AnyPreprocessing, workers: int) -> float:
    """Measure images/s of processes that read, decode and resize rows, and hand on nothing.

    This is the rate while all processes have something to do: a process that is through does not
    lower it.
    """
    shards = sorted(dataset.glob("data/*/*.parquet"))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(workers)
    done = context.SimpleQueue()
    processes = [
        context.Process(
            target=_decode_shards, args=(shards[i::workers], preprocessing, barrier, done)
        )
        for i in range(workers)
    ]
    for process in processes:
        process.start()
    counts, seconds = zip(*(done.get() for _ in processes), strict=True)
    for process in processes:
        process.join()
    return sum(counts) * workers / sum(seconds)


def _decode_shards(
    shards: Sequence[Path], preprocessing: AnyPreprocessing, barrier: Any, done: Any
) -> None:
    n_rows = 0
    barrier.wait()
    start = time.perf_counter()
    for shard in shards:
        with shard.open("rb") as file:
            for row in READERS["parquet"](file, str(shard)):
                preprocessing.pixels(decode(row.image, str(shard), STORED_FORMATS))
                n_rows += 1
    done.put((n_rows, time.perf_counter() - start))

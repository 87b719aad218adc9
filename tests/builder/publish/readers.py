"""What users write to read a published dataset: a job in, rows out, each a line of JSON.

A job says which function below, with which arguments, and on how many nodes. Each node is a process
of its own, forked from this one, which imported the clients once. The answer has the rows of each
node: image id, variant and the SHA-256 of the pixels, as the client decodes them.
"""

import hashlib
import io
import json
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import webdataset
from datasets import load_dataset
from PIL import Image
from torch.utils.data import DataLoader

from imagenetq import variants

Row = tuple[str, str, str]


def loaded(*, streaming: bool, **source: Any) -> list[Row]:
    """All rows of a config, by `load_dataset`."""
    return [row_of(row) for row in load_dataset(split="test", streaming=streaming, **source)]


def resumed(*, after: int, **source: Any) -> list[Row]:
    """All rows of a config, of which another stream reads those after the first so many."""

    def stream() -> Any:
        return load_dataset(split="test", streaming=True, **source)

    interrupted = stream()
    rows = [row_of(row) for row in islice(interrupted, after)]
    # As a checkpoint keeps it.
    state = json.loads(json.dumps(interrupted.state_dict()))
    going_on = stream()
    going_on.load_state_dict(state)
    return rows + [row_of(row) for row in going_on]


def tars(*, urls: list[str], workers: int) -> list[Row]:
    """The rows of tars that this node (RANK of WORLD_SIZE) has, read by so many workers."""
    data = webdataset.WebDataset(
        urls, shardshuffle=False, nodesplitter=webdataset.split_by_node
    ).map(row_of_sample)
    return list(DataLoader(data, batch_size=None, num_workers=workers))


def row_of(row: dict[str, Any]) -> Row:
    fields = row.get("json", row)
    (image,) = (row[name] for name in ("image", "jpg", "webp", "j2k") if row.get(name))
    return fields["image_id"], variant_of(fields), pixels(image)


def row_of_sample(sample: dict[str, Any]) -> Row:
    (image,) = (sample[name] for name in ("jpg", "webp", "j2k") if name in sample)
    return row_of({"json": json.loads(sample["json"]), "image": Image.open(io.BytesIO(image))})


def variant_of(fields: dict[str, Any]) -> str:
    rung = (fields["distortion"], fields["level"])
    return next(one.name for one in variants() if (one.distortion, one.level) == rung)


def pixels(image: Image.Image) -> str:
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


def on_node(rank: int, nodes: int, read: str, job: dict[str, Any]) -> list[Row]:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(nodes)}
    rows: list[Row] = globals()[read](**job)
    return rows


def on_nodes(*, nodes: int, read: str, **job: Any) -> list[list[Row]]:
    with ProcessPoolExecutor(nodes, multiprocessing.get_context("fork")) as processes:
        return list(processes.map(partial(on_node, nodes=nodes, read=read, job=job), range(nodes)))


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(on_nodes(**json.loads(line))), flush=True)

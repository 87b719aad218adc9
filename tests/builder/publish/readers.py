"""What users write to read a published dataset, run in a process of its own: `readers.py JOB`.

JOB is JSON: which function below, and its arguments. Rows are printed as JSON: image id, variant
and the SHA-256 of the pixels, as the client decodes them.
"""

import hashlib
import io
import json
import sys
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

Row = tuple[str, str, str]


def loaded(*, streaming: bool, **source: Any) -> list[Row]:
    """All rows of a config, by `load_dataset`."""
    from datasets import load_dataset

    return [row_of(row) for row in load_dataset(split="test", streaming=streaming, **source)]


def resumed(*, after: int, **source: Any) -> list[Row]:
    """All rows of a config, of which another stream reads those after the first so many."""
    from datasets import load_dataset

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
    import webdataset
    from torch.utils.data import DataLoader

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
    from imagenetq import variants

    rung = (fields["distortion"], fields["level"])
    return next(one.name for one in variants() if (one.distortion, one.level) == rung)


def pixels(image: Image.Image) -> str:
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps(globals()[job.pop("read")](**job)))

"""Does jobs with the real clients: a line of JSON in, the child's number and a line of JSON out.

Of every pause it waits a hundredth.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import datasets
import hf_xet  # noqa: F401
import huggingface_hub
import huggingface_hub.hf_api
import numpy as np
import pyarrow.dataset  # noqa: F401

from imagenetq.builder.publish import preflight as origin
from imagenetq.builder.publish import pushing, uploading
from imagenetq.errors import ImagenetqError
from imagenetq.evaluate.data import open_data
from imagenetq.record import pixel_sha256

wait = time.sleep


def push(*, verified: bool = True, small: bool = False, **options: Any) -> dict[str, Any]:
    """Push a folder.

    Args:
        verified: skip the verification, of which most tests are not.
        small: commit three files at a time, and send one.
        options: of `push`.
    """
    if verified:
        origin.verify = lambda *_, **__: []
    if small:
        uploading._COMMIT_FILES, uploading._SENT_BYTES = 3, 1
    return asdict(pushing.push(workers=1, **options))


def load(*, name: str, config: str, revision: str, streaming: bool, cache: str) -> list[str]:
    """The hashes of a config's images, as `datasets` decodes them."""
    rows = datasets.load_dataset(
        name, config, revision=revision, split="test", streaming=streaming, cache_dir=cache
    )
    images = [np.asarray(row["image"].convert("RGB")) for row in rows]
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in images]


def read(*, spec: str, token: str = "") -> list[tuple[str, str, str]]:
    """The samples of a dataset, as an evaluation reads them."""
    del token
    data = open_data(spec)
    return sorted(
        (sample.info.image_id, sample.info.variant, pixel_sha256(sample.pixels))
        for task in data.tasks(data.variants)
        for sample in task.samples()
    )


WORK: dict[str, Callable[..., Any]] = {"push": push, "load": load, "read": read}


def done(work: str, *, token: str, xet: bool, **arguments: Any) -> Any:
    os.environ["HF_TOKEN"] = token
    huggingface_hub.constants.HF_HUB_DISABLE_XET = not xet
    try:
        return WORK[work](**arguments)
    except (ImagenetqError, OSError) as error:
        return {"error": type(error).__name__, "message": str(error)}


def main() -> None:
    time.sleep = lambda seconds: wait(seconds / 100)
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            result = {"error": "a defect"}
            with suppress(KeyboardInterrupt):
                result = done(**json.loads(line))
            sys.stderr.flush()
            with os.fdopen(writer, "w") as answer:
                answer.write(json.dumps(result))
            os._exit(0)
        os.close(writer)
        print(child, flush=True)
        with os.fdopen(reader) as answer:
            print(answer.read() or "null", flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()

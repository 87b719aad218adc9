"""Compare several GPUs with one: each gets as many photographs, so the time should stay the same.

Usage: python benchmarks/gpus.py [SOURCE] [--gpus 1,2,4] [--model vgg16:bf16] [--images N]
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import measure
import torch
from passes import Clocked, clean_source, machine, n_computed, parse_models, quick, random_model
from photographs import MOST_PHOTOGRAPHS, Photographs

from imagenetq.builder import open_source
from imagenetq.evaluate import Settings, evaluate
from imagenetq.progress import usable_cores

_PROCESSES = "IMAGENETQ_BENCH_GPUS"


def main() -> None:
    """Start one group of processes after another, and print what they took."""
    options = parse_options()
    if os.environ.get(_PROCESSES):
        took = seconds(options, int(os.environ[_PROCESSES]))
        if os.environ["RANK"] == "0":
            print(took, flush=True)
        return
    facts = machine(options.device)
    measure.report(options, facts, lambda scratch: compare(options, scratch))


def compare(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Measure each number of GPUs, print the table, and give the figures."""
    photographs = Photographs(open_source(options.source), options.photos, scratch)
    for n_gpus in options.gpus:
        photographs.named(n_gpus * options.images)
    took = {n_gpus: started(n_gpus, scratch) for n_gpus in options.gpus}
    print(f"# {options.model[0][0]}, {options.model[0][1]}: {options.images} photographs a GPU\n")
    first, alone = next(iter(took.items()))
    rows = []
    for n_gpus, some in took.items():
        n_samples = n_gpus * options.images * n_computed(quick())
        share = alone / some
        rows.append([str(n_gpus), f"{some:.1f}", f"{n_samples / some:.0f}", f"{share:.2f}"])
    print(measure.table(["GPUs", "s", "images/s", f"of linear, from {first}"], rows), "\n")
    return {"seconds": took}


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = measure.parser(__doc__)
    measure.add_source(parser)
    parser.add_argument(
        "--gpus",
        type=lambda text: [int(n) for n in text.split(",")],
        default=[n for n in (1, 2, 4) if n <= max(1, torch.cuda.device_count())],
        help="1,2,4, as far as there are so many",
    )
    parser.add_argument("--model", type=parse_models, default="vgg16:bf16")
    parser.add_argument("--photos", type=int, default=200, help="different photographs")
    parser.add_argument("--images", type=int, default=1600, help="photographs for each GPU")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument(
        "--device", type=torch.device, default=torch.device("cuda"), help="cpu: processes instead"
    )
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if max(options.gpus) * options.images > MOST_PHOTOGRAPHS:
        parser.error(f"a dataset has {MOST_PHOTOGRAPHS} photographs at most, for all GPUs together")
    return options


def started(n_gpus: int, scratch: Path) -> float:
    """Start a group of processes, one a GPU; gives the seconds of the first one's main pass.

    The first one checks the model before, and gathers all results afterwards. So it is the last to
    begin and to end.
    """
    measure.log(f"{n_gpus} GPUs")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc-per-node={n_gpus}", *sys.argv, "--scratch", str(scratch)),
        ],
        env=os.environ | {_PROCESSES: str(n_gpus), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(ended.stdout)


def seconds(options: argparse.Namespace, n_gpus: int) -> float:
    """Measure, in each process, the seconds of the main pass, all results included."""
    name, precision = options.model[0]
    rank = os.environ["RANK"]
    folder = options.scratch / f"rank-{rank}-of-{n_gpus}"
    folder.mkdir()
    model = random_model(name, folder)
    images = Photographs(open_source(options.source), options.photos, options.scratch)
    data = clean_source(images.named(n_gpus * options.images), folder)
    settings = Settings(
        only=quick(),
        precision=precision,
        device=options.device,
        batch_size=options.batch_size,
        workers=max(1, usable_cores() // n_gpus),
        render="gpu",
    )
    clocked = Clocked(data)
    evaluate([model], clocked, options.scratch / f"results-{n_gpus}", settings)
    return time.perf_counter() - clocked.asked


if __name__ == "__main__":
    main()

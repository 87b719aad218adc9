"""Define what the benchmarks of evaluations share: models, settings, and the time of a pass."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import measure
import timm_way
import torch
from ceilings import forward_only
from rates import Rate
from watching import busy

from imagenetq.builder import open_source
from imagenetq.evaluate import CleanSource, Settings, evaluate, load_model
from imagenetq.evaluate.data.base import Data, Task
from imagenetq.evaluate.device import Precision, exact_arithmetic
from imagenetq.evaluate.evaluation.runner import HALF
from imagenetq.evaluate.models import LoadOptions, Model
from imagenetq.progress import usable_cores
from imagenetq.specification import SAME_AS_CLEAN, Variant, variants


class Clocked(Data):
    """Data that notes when it was last asked for tasks, which is when the main pass begins.

    The check of clean accuracy, which comes before, takes as long for a small dataset as for a
    large one, so it would say nothing here.
    """

    def __init__(self, data: Data) -> None:
        self.identity = data.identity
        self.variants = data.variants
        self.is_rendered = data.is_rendered
        self.asked = 0.0
        self._data = data

    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        """List tasks as the data itself does, and note the time."""
        self.asked = time.perf_counter()
        return self._data.tasks(variants, limit)


@dataclass(frozen=True)
class Case:
    """A model in a precision."""

    model: Model
    precision: Precision

    @property
    def name(self) -> str:
        """Name for the table."""
        return f"{self.model.name.partition('/')[2]}, {self.precision}"


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, with the options that all evaluations share."""
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--forward-seconds", type=float, default=3.0, help="of the network alone, at least"
    )
    parser.add_argument(
        "--device",
        type=torch.device,
        default=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )
    return parser.parse_args()


def cases(options: argparse.Namespace, scratch: Path) -> list[Case]:
    """Make the models of the command line, with random weights."""
    return [Case(random_model(name, scratch), precision) for name, precision in options.models]


def forward_rate(case: Case, options: argparse.Namespace) -> Rate:
    """Measure the network alone, on inputs that are there."""
    with busy() as meanwhile:
        steady = forward_only(
            *(case.model, case.precision),
            *(options.device, options.batch_size, options.forward_seconds),
        )
    return Rate(steady, meanwhile)


def machine(device: torch.device) -> dict[str, str]:
    """Describe what a reader must know of the machine and its GPU."""
    facts = measure.machine() | {"torch": torch.__version__}
    if device.type == "cuda":
        facts["GPU"] = torch.cuda.get_device_name(device)
    return facts


def parse_models(text: str) -> list[tuple[str, Precision]]:
    """Parse torchvision's names and precisions from NAME:PRECISION,NAME:PRECISION."""
    models = []
    for part in text.split(","):
        name, _, precision = part.partition(":")
        if precision not in get_args(Precision):
            raise argparse.ArgumentTypeError(f"{part}: models are NAME:PRECISION")
        models.append((name, cast(Precision, precision)))
    return models


def shared_settings(options: argparse.Namespace, precision: Precision) -> dict[str, Any]:
    """Give the settings that all evaluations share."""
    return {
        "precision": precision,
        "device": options.device,
        "batch_size": options.batch_size,
        "workers": options.workers,
    }


def clean_source(photographs: Path, originals: Path) -> CleanSource:
    """Open a folder of class folders, whose variants are rendered on the fly."""
    return CleanSource(open_source(photographs), originals=originals, allow_short=True)


def pass_seconds(models: Sequence[Model], data: Data, settings: Settings, scratch: Path) -> float:
    """Measure the seconds of one evaluation's main pass, into a folder that nobody needs."""
    clocked = Clocked(data)
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        evaluate(models, clocked, Path(out), settings)
        return time.perf_counter() - clocked.asked


def timm_seconds(
    case: Case, files: Path, options: argparse.Namespace, n_files: int | None
) -> float:
    """Measure the seconds of timm's way over `n_files` files, all if None."""
    with exact_arithmetic(case.precision):
        return measure.seconds(
            lambda: timm_way.validate(
                case.model.module,
                files,
                case.model.preprocessing,
                half=HALF.get(case.precision),
                limit=n_files,
                device=options.device,
                batch_size=options.batch_size,
                workers=options.workers,
            )
        )


def n_computed(only: Sequence[str] | None) -> int:
    """Count the variants that an evaluation of some, or of all if None, computes: one is a copy."""
    names = [variant.name for variant in variants()] if only is None else only
    return len([name for name in names if name != SAME_AS_CLEAN])


def quick() -> list[str]:
    """List all variants but JPEG 2000, which took the workers longest before GPUs rendered it."""
    return [variant.name for variant in variants() if variant.distortion != "jpeg2000"]


def random_model(name: str, scratch: Path) -> Model:
    """Make a network of torchvision's with random weights, loaded as a user's own weights are."""
    from safetensors.torch import save_file
    from torchvision.models import get_model

    torch.manual_seed(0)
    weights = scratch / f"{name}.safetensors"
    save_file(get_model(name, weights=None).state_dict(), weights)
    model = load_model(f"torchvision/{name}", LoadOptions(weights=str(weights)))
    # The clean check must not find fault with random weights: what it does then takes longer.
    return replace(model, published_top1=1 / 1000)

"""Measure how quickly training batches are distorted, by us and others, and a training step.

Usage: python benchmarks/distort.py [SOURCE] [--device cuda] [--batches 256x224x224,64x375x500] ...
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import measure
import numpy as np
import torch
from PIL import Image

import imagenetq
from imagenetq import ImagenetqError
from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.distortions import Pixels
from imagenetq.progress import usable_cores
from imagenetq.specification import LADDERS, Value, variants
from imagenetq.torch import Distort, render

Operation = Callable[[torch.Tensor, Value], torch.Tensor]
"""Distorts uint8 of shape (n, 3, height, width) at one parameter value."""

_MIDDLE = 5
"""Level at which pixels are compared."""


@dataclass(frozen=True)
class Shape:
    """The shape of a batch."""

    n: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.n} of {self.width}x{self.height}"

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Parse `256x224x224`: images, height and width."""
        return cls(*map(int, text.split("x")))


def main() -> None:
    """Measure and print."""
    options = parse_options()
    device = torch.device(options.device)
    try:
        photographs = _photographs(options.source)
        batches = [_batch(photographs, shape) for shape in options.batches]
        # Before the GPU is used: forked workers must not inherit it.
        on_cores = [
            {ladder.distortion: _cores(batch, ladder.distortion, options) for ladder in LADDERS}
            for batch in batches
        ]
        print("# Distorting training batches\n")
        figures: dict[str, Any] = {}
        step = _training_step(options, device)
        for batch, shape, cores in zip(batches, options.batches, on_cores, strict=True):
            measure.log(f"{shape}")
            rows = [
                _measured(batch.to(device), ladder.distortion, options.seconds)
                | {"transform in workers": cores[ladder.distortion]}
                for ladder in LADDERS
            ]
            figures[str(shape)] = rows
            print(f"## Batches of {shape}\n\n{_table(rows, step, options)}\n")
    except ImagenetqError as error:
        raise SystemExit(str(error)) from None
    print(
        f"A training step of {options.network} takes {step.n / step.rate * 1e3:.0f} ms for "
        f"{step.n} images of 224x224 ({step.rate:.1f} images/s, {step.precision}); Distort's share "
        "is of a step that distorts every image first, one after the other. Distort draws each "
        f"image's own level. {options.workers} workers run the transform for a CPU. Samples differ "
        "from the exact ones by so many grey levels on average; noise is another field by nature.\n"
    )
    facts = measure.machine() | {"device": _device_name(device), "torch": torch.__version__}
    for package in ("torchvision", "kornia"):
        facts[package] = measure.version(package) or "not installed"
    print(measure.machine_lines(facts))
    measure.save_json(options.json, {"machine": facts, "step": vars(step), **figures})


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    on_gpu = torch.cuda.is_available()
    parser = measure.parser(__doc__)
    measure.add_source(parser)
    parser.add_argument("--device", default="cuda" if on_gpu else "cpu")
    parser.add_argument(
        "--batches",
        type=lambda text: [Shape.parse(one) for one in text.split(",")],
        default="256x224x224,64x375x500" if on_gpu else "8x224x224,4x375x500",
        metavar="NxHxW,..",
    )
    parser.add_argument("--seconds", type=float, default=0.3, help="a measurement, at least")
    parser.add_argument("--workers", type=int, default=min(16, usable_cores()))
    parser.add_argument("--images", type=int, default=256 if on_gpu else 8, help="for the workers")
    parser.add_argument("--network", default="resnet50", help="of torchvision")
    parser.add_argument("--step", type=int, default=256 if on_gpu else 4, help="images a step")
    return parser.parse_args()


def _photographs(source: str) -> list[Image.Image]:
    opened = open_source(source)
    chosen = measure.spread(opened.images(), 64)
    return [Image.fromarray(decode(opened.read(image), image.name)) for image in chosen]


def _batch(photographs: list[Image.Image], shape: Shape) -> torch.Tensor:
    """Make a batch of resized photographs, repeated as often as it takes."""
    resized = [np.asarray(one.resize((shape.width, shape.height))) for one in photographs]
    chosen = [torch.tensor(resized[index % len(resized)]) for index in range(shape.n)]
    return torch.stack(chosen).permute(0, 3, 1, 2).contiguous()


class _Repeated(torch.utils.data.Dataset[Pixels]):
    def __init__(self, batch: torch.Tensor, distortion: str, n: int) -> None:
        self.pixels = [one.permute(1, 2, 0).numpy() for one in batch]
        self.distort = imagenetq.Distort(distortion, seed=0)
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Pixels:
        return self.distort(self.pixels[index % len(self.pixels)], sample=index)


def _cores(batch: torch.Tensor, distortion: str, options: argparse.Namespace) -> float:
    """Measure images/s of the transform for a CPU in data loader workers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of forking beside torch's threads.
        loader = torch.utils.data.DataLoader(
            _Repeated(batch, distortion, options.images),
            batch_size=1,
            num_workers=options.workers,
            multiprocessing_context="fork" if options.workers else None,
        )
        stream = iter(loader)
        for _ in range(options.workers or 1):
            next(stream)
        start = time.perf_counter()
        n = sum(len(images) for images in stream)
    return n / (time.perf_counter() - start)


def _measured(batch: torch.Tensor, distortion: str, seconds: float) -> dict[str, Any]:
    """Measure images/s of every contender, and how far peers' pixels are from the exact ones."""
    (rung,) = (v for v in variants() if v.distortion == distortion and v.level == _MIDDLE)
    value = rung.value
    if value is None:
        raise ValueError(rung)
    ids = [str(index) for index in range(len(batch))]
    distort = Distort(distortion, seed=0)
    figures: dict[str, Any] = {
        "distortion": distortion,
        "variant": rung.name,
        "Distort": _rate(lambda: distort(batch), batch, seconds),
        "one level": _rate(lambda: render(batch, rung.name, image_ids=ids), batch, seconds),
    }
    exact = render(batch, rung.name, image_ids=ids)
    for peer, operations in (("torchvision", _torchvision()), ("kornia", _kornia())):
        if distortion in operations:
            operation = operations[distortion]
            try:
                given = operation(batch, value)
                figures[peer] = _rate(lambda o=operation: o(batch, value), batch, seconds)
            except Exception as error:  # Peers raise many types; the table says which.
                figures[peer] = type(error).__name__
                continue
            apart = (given.to(exact.device, torch.int16) - exact).abs()
            equal, mean = (apart == 0).float().mean().item(), apart.float().mean().item()
            figures[f"{peer} differs"] = f"{1 - equal:.2%}, by {mean:.2f}"
    return figures


def _torchvision() -> dict[str, Operation]:
    try:
        from torchvision.transforms.v2 import functional
    except ImportError:
        return {}

    def blur(batch: torch.Tensor, sigma: Value) -> torch.Tensor:
        side = 4 * int(sigma) + 1
        return functional.gaussian_blur(batch, [side, side], [float(sigma)] * 2)

    return {
        "blur": blur,
        "noise": lambda batch, sigma: functional.gaussian_noise(batch, sigma=sigma / 255),
        "contrast": functional.adjust_contrast,
        "jpeg": lambda batch, quality: functional.jpeg(batch, int(quality)),
    }


def _kornia() -> dict[str, Operation]:
    try:
        import kornia
    except ImportError:
        return {}

    def in_floats(operation: Operation) -> Operation:
        def run(batch: torch.Tensor, value: Value) -> torch.Tensor:
            given = operation(batch.float() / 255, value)
            return (given * 255).round().clamp(0, 255).to(torch.uint8)

        return run

    def blur(batch: torch.Tensor, sigma: Value) -> torch.Tensor:
        side = 4 * int(sigma) + 1
        return kornia.filters.gaussian_blur2d(batch, (side, side), (float(sigma),) * 2)

    def jpeg(batch: torch.Tensor, quality: Value) -> torch.Tensor:
        qualities = torch.full((len(batch),), float(quality), device=batch.device)
        return kornia.enhance.jpeg_codec_differentiable(batch, qualities)

    return {
        "blur": in_floats(blur),
        "noise": in_floats(lambda batch, sigma: batch + torch.randn_like(batch) * sigma / 255),
        "contrast": in_floats(kornia.enhance.adjust_contrast_with_mean_subtraction),
        "jpeg": in_floats(jpeg),
    }


@dataclass(frozen=True)
class Step:
    """A training step: its number of images, its images/s, and its precision."""

    n: int
    rate: float
    precision: str


def _training_step(options: argparse.Namespace, device: torch.device) -> Step:
    from torchvision import models

    half = device.type == "cuda"
    network = models.get_model(options.network, weights=None).to(device).train()
    network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    inputs = torch.rand(options.step, 3, 224, 224, device=device)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(options.step, dtype=torch.int64, device=device)

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            loss = torch.nn.functional.cross_entropy(network(inputs), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    rate = _rate(step, inputs, 2 * options.seconds)
    return Step(options.step, rate, "bf16, channels-last" if half else "fp32, channels-last")


def _rate(call: Callable[[], object], batch: torch.Tensor, seconds: float) -> float:
    """Measure images/s, by the clock, of calls one after the other."""

    def wait() -> None:
        if batch.is_cuda:
            torch.cuda.synchronize()

    call()
    wait()
    n_calls, start = 0, time.perf_counter()
    while n_calls == 0 or time.perf_counter() - start < seconds:
        call()
        wait()
        n_calls += 1
    return n_calls * len(batch) / (time.perf_counter() - start)


def _table(rows: list[dict[str, Any]], step: Step, options: argparse.Namespace) -> str:
    header = [
        *("distortion", "Distort, images/s", f"all at level {_MIDDLE}", "torchvision v2"),
        *("its samples differ", "kornia", "its samples differ", "in workers"),
        f"share of a {options.network} step",
    ]
    return measure.table(header, [_row(row, step) for row in rows])


def _row(row: dict[str, Any], step: Step) -> list[str]:
    share = (1 / row["Distort"]) / (1 / row["Distort"] + 1 / step.rate)
    return [
        f"{row['distortion']} ({row['variant']})",
        _cell(row["Distort"]),
        _cell(row["one level"]),
        *(_cell(row.get(name)) for name in ("torchvision", "torchvision differs")),
        *(_cell(row.get(name)) for name in ("kornia", "kornia differs")),
        _cell(row["transform in workers"]),
        f"{share:.0%}",
    ]


def _cell(figure: float | str | None) -> str:
    if figure is None:
        return "-"
    return figure if isinstance(figure, str) else f"{figure:,.0f}"


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


if __name__ == "__main__":
    main()

"""Fine-tune a network on distorted photographs, and evaluate it before and after.

    python examples/finetune.py SOURCE --model torchvision/resnet50 --out finetuned

SOURCE is what `imagenetq build` takes. Its photographs are split in two: one part trains, the other
is evaluated, and none is in both. The network learns to answer for a distorted image as it answered
for the clean one before. Labels are not used, so the script works with photographs of any kind.
"""

import argparse
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torchvision.transforms import v2

from imagenetq.builder import open_source
from imagenetq.decoding import decode
from imagenetq.errors import ImagenetqError
from imagenetq.evaluate import CleanSource, LoadOptions, Preprocessing, Result, evaluate_model
from imagenetq.evaluate import load_model as load
from imagenetq.evaluate.results.plot import points
from imagenetq.selection import SourceImage, rank_key
from imagenetq.specification import CLEAN, ladder
from imagenetq.torch import Distort


@dataclass(frozen=True)
class Part:
    """Some photographs of a source, as a source of their own."""

    source: Any
    chosen: Sequence[SourceImage]
    kind: str = "part of a source"
    default_subset: str = "full"
    is_remote: bool = False

    def images(self) -> Sequence[SourceImage]:
        """List the photographs."""
        return self.chosen

    def fetch(
        self, images: Sequence[SourceImage], folder: Path, advance: Callable[[int], None]
    ) -> None:
        """Do nothing: the photographs were fetched before."""

    def read(self, image: SourceImage) -> bytes:
        """Read a photograph's file."""
        data: bytes = self.source.read(image)
        return data


class Photographs(torch.utils.data.Dataset[tuple[torch.Tensor, str]]):
    """A data set of decoded photographs, uint8 of shape (3, height, width), with their ids."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def __len__(self) -> int:
        return len(self.part.chosen)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, str]:
        image = self.part.chosen[index]
        pixels = decode(self.part.read(image), image.name)
        return torch.from_numpy(pixels).permute(2, 0, 1), image.image_id


def listed(samples: Sequence[tuple[torch.Tensor, str]]) -> tuple[list[torch.Tensor], list[str]]:
    """Put photographs of different sizes into a list, and their ids into another."""
    images, ids = zip(*samples, strict=True)
    return list(images), list(ids)


def train(
    network: torch.nn.Module, part: Part, preprocessing: Preprocessing, args: argparse.Namespace
) -> None:
    """Fine-tune a network in place."""
    device = torch.device(args.device)
    teacher = copy.deepcopy(network).to(device).eval()
    network.to(device).eval()  # Few photographs must not move what batch norm has learned.
    crop = v2.RandomResizedCrop(preprocessing.crop, scale=(0.5, 1))
    normalise = v2.Compose(
        [
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )
    distort = Distort(dict.fromkeys(args.distort), p_clean=0.1, seed=args.seed)
    loader = torch.utils.data.DataLoader(
        Photographs(part),
        batch_size=args.batch_size,
        shuffle=True,
        num_workers=args.workers,
        collate_fn=listed,
        generator=torch.Generator().manual_seed(args.seed),
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.lr, weight_decay=0)
    steps = args.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.lr, total_steps=steps)
    torch.manual_seed(args.seed)
    for epoch in range(args.epochs):
        distort.set_epoch(epoch)
        total = 0.0
        for images, ids in loader:
            clean = [image.to(device) for image in images]
            distorted = distort(clean, samples=ids)  # Full size, as the variants are defined.
            pairs = [crop(torch.stack(both)) for both in zip(clean, distorted, strict=True)]
            seen_clean, seen = normalise(torch.stack(pairs)).unbind(1)
            with torch.no_grad():
                wanted = teacher(seen_clean).softmax(1)
            loss = functional.cross_entropy(network(seen), wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(ids)
        print(
            f"epoch {epoch + 1} of {args.epochs}: loss {total / len(part.chosen):.3f}", flush=True
        )


def draw(before: Result, after: Result, distortions: Sequence[str], path: Path) -> None:
    """Draw top-1 accuracy against each distortion's parameter, with 95 % intervals."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        1, len(distortions), figsize=(3.6 * len(distortions), 3), sharey=True, squeeze=False
    )
    for panel, distortion in zip(panels[0], distortions, strict=True):
        rungs = ladder(distortion)
        for result, label, colour in ((before, "before", "#D55E00"), (after, "after", "#0072B2")):
            curve = points(rungs, result.scores.variants)
            x = [value for value, _ in curve]
            panel.plot(x, [at.top1.value for _, at in curve], "o-", ms=3, color=colour, label=label)
            low, high = [at.top1.low for _, at in curve], [at.top1.high for _, at in curve]
            panel.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        if rungs.values[0] > rungs.values[-1]:
            panel.invert_xaxis()
        panel.set_xlabel(f"{distortion}, {rungs.parameter}")
    panels[0][0].set_ylabel("top-1 accuracy, held out")
    panels[0][0].set_ylim(0, 1)
    panels[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Split, evaluate, train, evaluate again, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--model", default="torchvision/squeezenet1_0")
    parser.add_argument("--weights", help="a file; the model's published ones if left out")
    parser.add_argument("--distort", default="blur,noise", type=lambda text: text.split(","))
    parser.add_argument("--held-out", type=int, help="photographs; half of all, at most 10,000")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=Path("finetuned"))
    args = parser.parse_args()

    source = open_source(args.source)
    images = sorted(source.images(), key=lambda image: rank_key(image.image_id))
    source.fetch(images, args.out / "originals", lambda _: None)
    held_out = args.held_out or min(len(images) // 2, 10_000)
    data = CleanSource(
        Part(source, images[:held_out]), originals=args.out / "originals", allow_short=True
    )
    model = load(args.model, LoadOptions(weights=args.weights))
    preprocessing = model.preprocessing
    if not isinstance(preprocessing, Preprocessing) or preprocessing.crop is None:
        raise SystemExit(f"{args.model}: its preprocessing is unknown; choose another model")

    def evaluated(name: str) -> Result:
        result = evaluate_model(
            model.module,
            preprocessing,
            data,
            name=f"{args.model} {name}",
            out=args.out,
            only=[CLEAN, *args.distort],
            device=args.device,
            workers=args.workers,
        )
        print(f"{name}: {result}", flush=True)
        return result

    before = evaluated("before")
    train(model.module, Part(source, images[held_out:]), preprocessing, args)
    torch.save(model.module.state_dict(), args.out / "weights.pt")
    after = evaluated("after")
    draw(before, after, args.distort, args.out / "accuracy.png")
    print(f"{len(images) - held_out} photographs trained, {held_out} others evaluated;", end=" ")
    print(f"{args.out / 'accuracy.png'} shows both")


if __name__ == "__main__":
    try:
        main()
    except ImagenetqError as error:
        raise SystemExit(f"error: {error}") from None

"""Feed a network as timm's `validate.py` does: files in class folders, its loader, its loop.

The loop is ours. What it does (prefetcher, channels-last, autocast, accuracies read back after
every batch) is what timm 1.0's script does with `--amp --channels-last`.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from imagenetq.evaluate.models.preprocessing import Preprocessing
from imagenetq.shards import READERS


def unpack(dataset: Path, folder: Path) -> int:
    """Write every image of a dataset's parquet shards into class folders, and count them.

    The bytes stay as they are. Pillow looks at them, not at the name, so all files can be `.jpg`.
    """
    n_files = 0
    for shard in sorted(dataset.glob("data/*/*.parquet")):
        with shard.open("rb") as file:
            for row in READERS["parquet"](file, str(shard)):
                name = f"{row.fields['image_id']}-{shard.parent.name}.jpg"
                path = folder / row.fields["wnid"] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(row.image)
                n_files += 1
    return n_files


def validate(
    module: nn.Module,
    folder: Path,
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    half: torch.dtype | None,
    batch_size: int,
    workers: int,
    limit: int | None = None,
) -> int:
    """Classify every file in class folders, and count them.

    Args:
        module: the network.
        folder: the folder of class folders.
        preprocessing: a square crop after the shorter side is resized.
        device: where the network runs.
        half: the type of autocast; None computes in float32.
        batch_size: number of images in a batch.
        workers: number of processes that decode and resize.
        limit: number of files to take; None takes all.
    """
    from timm.data import create_dataset, create_loader
    from timm.utils import AverageMeter, accuracy

    dataset = create_dataset("", root=str(folder))
    if limit is not None:
        dataset.reader.samples = dataset.reader.samples[:limit]
    assert preprocessing.crop is not None
    assert isinstance(preprocessing.resize, int)
    loader = create_loader(
        dataset,
        input_size=(3, *preprocessing.crop),
        batch_size=batch_size,
        use_prefetcher=device.type == "cuda",
        interpolation=preprocessing.interpolation,
        mean=preprocessing.mean,
        std=preprocessing.std,
        num_workers=workers,
        crop_pct=preprocessing.crop[0] / preprocessing.resize,
        device=device,
    )
    module = module.to(device).to(memory_format=torch.channels_last).eval()
    criterion = nn.CrossEntropyLoss().to(device)
    losses, top1, top5 = AverageMeter(), AverageMeter(), AverageMeter()
    with torch.no_grad():
        for inputs, target in _on(device, loader):
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=half, enabled=half is not None):
                output = module(inputs)
                loss = criterion(output, target)
            right, among = accuracy(output.detach(), target, topk=(1, 5))
            losses.update(loss.item(), len(inputs))
            top1.update(right.item(), len(inputs))
            top5.update(among.item(), len(inputs))
    return int(top1.count)


def _on(
    device: torch.device, loader: Iterator[tuple[torch.Tensor, torch.Tensor]]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for inputs, target in loader:
        yield inputs.to(device), target.to(device)

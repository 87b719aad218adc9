"""Embed the classes for zero-shot classification, each as the mean of prompts with its name."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from imagenetq.entry import ZeroShot
from imagenetq.errors import ModelError
from imagenetq.evaluate.models.weights import add_tensor
from imagenetq.files import user_cache, write_whole
from imagenetq.progress import working

if TYPE_CHECKING:
    import torch
    from torch import nn

    Tokens = Mapping[str, torch.Tensor]

_CLASSES_AT_A_TIME = 10
_FEWEST_TOLD_APART = 950
"""Least number of classes whose tokens differ; a few classes have the same name."""


@dataclass(frozen=True)
class Prompts:
    """The sentences that are said of the classes."""

    source: str
    """Place where the templates and names are published."""

    templates: tuple[str, ...]
    """Sentences with `{}` for a class's name."""

    class_names: tuple[str, ...]
    """Names of the 1,000 classes, in label order."""

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of the templates and then the names, each with a line feed."""
        lines = "".join(f"{line}\n" for line in (*self.templates, *self.class_names))
        return hashlib.sha256(lines.encode()).hexdigest()

    def of(self, class_name: str) -> list[str]:
        """Fill all templates with a class's name."""
        return [template.replace("{}", class_name) for template in self.templates]


@dataclass(frozen=True)
class TextTower:
    """The half of a network that embeds texts."""

    identity: str
    """Name or configuration of the network, which together with its tensors decides what it
    computes."""

    tensors_sha256: str
    """Hex SHA-256 of the network's tensors."""

    tokenize: "Callable[[list[str]], Tokens]"
    """Function from texts to what `encode` takes: integers of shape (texts, length), by name."""

    encode: "Callable[[Tokens], torch.Tensor]"
    """Function from tokens, on the network's device, to embeddings of shape (texts, width)."""


@cache
def published_prompts() -> Prompts:
    """Read the 80 templates of OpenAI's CLIP for ImageNet, and the class names made for them."""
    text = files("imagenetq.evaluate.models").joinpath("prompts.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return Prompts(data["source"], tuple(data["templates"]), tuple(data["class_names"]))


def embed_classes(
    model: str, module: "nn.Module", tower: TextTower
) -> "tuple[torch.Tensor, ZeroShot]":
    """Embed the classes, or read their embeddings from the user's cache if they were kept there.

    A class's embedding is the mean of its prompts' embeddings, each scaled to length 1, and is then
    itself scaled to length 1. All are computed on the GPU if there is one, in float32, and given on
    the CPU, of shape (1000, width), with what an entry says of them. The network comes on the CPU
    in evaluation mode, and is left there. Messages name the model.
    """
    import torch

    prompts = published_prompts()
    path = user_cache() / "text-embeddings" / f"{_key(model, tower, prompts)}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of processes that share an evaluation, only the first has to compute them.
    with FileLock(path.with_suffix(".lock")):
        embeddings = _read(path)
        if embeddings is None:
            with working(f"{model}: embedding the names of the classes"):
                embeddings = _embed(module, tower, prompts)
            buffer = io.BytesIO()
            np.save(buffer, embeddings, allow_pickle=False)
            write_whole(path, buffer.getvalue())
    digest = hashlib.sha256(embeddings.astype("<f4").tobytes()).hexdigest()
    record = ZeroShot(prompts_sha256=prompts.sha256, embeddings_sha256=digest)
    return torch.from_numpy(embeddings), record


def _key(model: str, tower: TextTower, prompts: Prompts) -> str:
    """Hash all that decides the embeddings; a tokenizer counts by what it makes of the names."""
    digest = hashlib.sha256()
    for part in (tower.identity, tower.tensors_sha256, prompts.sha256):
        digest.update(f"{part}\n".encode())
    first = prompts.templates[0]
    tokens = tower.tokenize([first.replace("{}", name) for name in prompts.class_names])
    for name, values in sorted(tokens.items()):
        add_tensor(digest, name, str(values.dtype), values.shape, values.contiguous().numpy())
    distinct = {row.tobytes() for row in tokens["input_ids"].numpy()}
    if len(distinct) < _FEWEST_TOLD_APART:
        raise ModelError(
            f"{model}: its tokenizer does not tell the classes apart ({len(distinct)} of "
            f"{len(prompts.class_names)} names differ); its files are missing or another model's"
        )
    return digest.hexdigest()


def _read(path: Path) -> Any:
    """Read embeddings that were kept; give None if there are none, or if they are damaged."""
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    usable = kept.dtype == np.float32 and kept.ndim == 2 and np.isfinite(kept).all()
    return kept if usable else None


def _embed(module: "nn.Module", tower: TextTower, prompts: Prompts) -> Any:
    import torch
    from torch.nn.functional import normalize

    from imagenetq.evaluate.device import choose_device, exact_arithmetic

    device = choose_device(None)
    names, width = prompts.class_names, len(prompts.templates)
    embeddings = []
    module.to(device)
    try:
        with torch.inference_mode(), exact_arithmetic("fp32"):
            for start in range(0, len(names), _CLASSES_AT_A_TIME):
                some = names[start : start + _CLASSES_AT_A_TIME]
                tokens = tower.tokenize([text for name in some for text in prompts.of(name)])
                encoded = tower.encode({k: v.to(device) for k, v in tokens.items()}).float()
                means = normalize(encoded, dim=-1).reshape(len(some), width, -1).mean(dim=1)
                embeddings.append(normalize(means, dim=-1).cpu())
    finally:
        module.to("cpu")
    return torch.cat(embeddings).numpy()

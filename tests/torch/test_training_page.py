"""What docs/training.md shows, runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imagenetq.specification import variant
from imagenetq.torch import Distort, render

TEXT = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
IMAGES = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (2, 3, 5, 6), dtype=np.uint8))


def test_the_loop() -> None:
    (loop,) = [snippet for snippet in SNIPPETS if "for epoch" in snippet]
    names: dict[str, Any] = {"device": "cpu", "loader": [(IMAGES, [1, 2], torch.arange(2))]}
    exec(loop.replace("range(90)", "range(3)"), names)
    wanted = [names["distort"].variant_of(sample).name for sample in range(2)]
    assert torch.equal(names["images"], render(IMAGES, wanted))


def test_the_data_set_and_the_transform() -> None:
    (dataset,) = [snippet for snippet in SNIPPETS if "class Photographs" in snippet]
    (compose,) = [snippet for snippet in SNIPPETS if "T.Compose" in snippet]
    import torchvision.transforms
    from PIL import Image

    import imagenetq

    names: dict[str, Any] = {"torch": torch, "T": torchvision.transforms, "imagenetq": imagenetq}
    exec(dataset, names)
    photographs = names["Photographs"]()
    photographs.photographs = [(Image.fromarray(IMAGES[0].permute(1, 2, 0).numpy()), 7)]
    photographs.distort, photographs.transform = imagenetq.Distort("jpeg", seed=0), np.asarray
    given, label = photographs[0]
    drawn = photographs.distort.variant_of(0).name
    assert np.array_equal(given, render(IMAGES[0], drawn).permute(1, 2, 0).numpy())
    assert label == 7
    transform = eval(compose, names)
    assert transform(photographs.photographs[0][0]).shape == (3, 224, 224)


def test_every_option_of_the_table() -> None:

    rows = re.findall(r"^\| `(.+?)`(?: or `.+?`)? \|", TEXT, re.MULTILINE)
    assert len(rows) == 7
    for row in rows:
        call = row if row.startswith("Distort") else f"Distort('blur', {row})"
        made = eval(call, {"Distort": Distort})
        assert all(variant(rung.name) == rung for rung in made.rungs)

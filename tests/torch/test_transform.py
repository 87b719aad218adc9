"""The random module: draws that depend on seed, epoch and sample alone, whoever asks."""

import copy
import multiprocessing
import socket
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import imagenetq
from imagenetq.errors import UsageError
from imagenetq.torch import Distort
from imagenetq.torch.transform import Distort as Module

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, 3, 9, 13), dtype=np.uint8))
MIXTURE: dict[str, Any] = {"contrast": (0.2, 0.6), "noise": None, "blur": (1, 2)}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def distort(seed: int = 7, **options: Any) -> Module:
    return Distort(MIXTURE, p_clean=0.2, seed=seed, **options)


@pytest.mark.parametrize("device", DEVICES)
def test_the_pixels_of_the_transform_for_a_cpu(device: str) -> None:
    module, transform = distort(), imagenetq.Distort(MIXTURE, p_clean=0.2, seed=7)
    for epoch in (0, 3):
        module.set_epoch(epoch)
        transform.set_epoch(epoch)
        given = module(IMAGES.to(device), samples=torch.arange(40, 48))
        for place, image in enumerate(IMAGES):
            expected = transform(image.permute(1, 2, 0).numpy(), sample=40 + place)
            np.testing.assert_array_equal(given[place].permute(1, 2, 0).cpu().numpy(), expected)
    names = [str(number) for number in range(200)]
    assert [module.variant_of(name) for name in names] == [
        transform.variant_of(name) for name in names
    ]


def test_samples_without_names_are_numbered_as_they_come() -> None:
    module, named = distort(), distort()
    whole = named(IMAGES, samples=range(8))
    assert torch.equal(torch.cat([module(IMAGES[:3]), module(IMAGES[3:])]), whole)
    assert not torch.equal(module(IMAGES), whole)
    module.set_epoch(0)
    assert torch.equal(module(IMAGES), whole)


def test_one_variant_a_batch() -> None:
    module = Distort("contrast", seed=1, same_in_batch=True)
    rungs = {rung.name: imagenetq.torch.render(IMAGES, rung.name) for rung in module.rungs}
    drawn = [
        [name for name, wanted in rungs.items() if torch.equal(given, wanted)]
        for given in (module(IMAGES) for _ in range(12))
    ]
    assert all(drawn)
    assert len({names[0] for names in drawn}) > 3


def test_state_resumes_through_a_file(tmp_path: Path) -> None:
    network = torch.nn.Sequential(distort(seed=5))
    network[0].set_epoch(2)
    network(IMAGES[:5])
    torch.save(network.state_dict(), tmp_path / "state.pt")
    expected = [network(IMAGES), network(IMAGES)]
    other = torch.nn.Sequential(distort(seed=99))
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert all(map(torch.equal, [other(IMAGES), other(IMAGES)], expected))
    transform = imagenetq.Distort(MIXTURE, p_clean=0.2)
    transform.load_state_dict(network[0].get_extra_state())
    assert transform.state_dict() == {"seed": 5, "epoch": 2, "position": 21}
    with pytest.raises(UsageError, match="holds seed, epoch, position; this"):
        transform.load_state_dict({"seed": 1})


def test_a_generator_draws_the_seed() -> None:
    def seeds(start: int) -> list[int]:
        generator = torch.Generator().manual_seed(start)
        return [Distort("blur", generator=generator).get_extra_state()["seed"] for _ in range(2)]

    assert seeds(1) == seeds(1)
    assert len({*seeds(1), *seeds(2)}) == 4
    with pytest.raises(UsageError, match="give one of both"):
        Distort("blur", seed=1, generator=torch.Generator())


def test_global_randomness_is_left_alone() -> None:
    before = torch.get_rng_state()
    distort()(IMAGES)
    assert torch.equal(torch.get_rng_state(), before)


def test_compiled_it_draws_on() -> None:
    network = torch.nn.Sequential(distort(), torch.nn.Flatten())
    compiled, eager = torch.compile(network, backend="eager"), copy.deepcopy(network)
    for _ in range(3):
        assert torch.equal(compiled(IMAGES), eager(IMAGES))


def test_as_a_transform_of_torchvision() -> None:
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    module = distort()
    pipeline = v2.Compose([module, v2.CenterCrop(8), v2.ToDtype(torch.float32, scale=True)])
    boxes = tv_tensors.BoundingBoxes([[0, 0, 3, 3]], format="XYXY", canvas_size=(9, 13))
    image, kept, label = pipeline(tv_tensors.Image(IMAGES[0]), boxes, 3)
    assert isinstance(image, tv_tensors.Image)
    assert isinstance(kept, tv_tensors.BoundingBoxes)
    assert label == 3
    assert torch.equal(image, v2.Compose(pipeline.transforms[1:])(distort()(IMAGES[0])))


def test_in_data_parallel_samples_must_be_named() -> None:
    module = distort()
    parallel = torch.nn.DataParallel(module)
    named = parallel(IMAGES, samples=torch.arange(8))
    assert torch.equal(named, module(IMAGES, samples=range(8)))
    replica = module._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
    assert torch.equal(replica(IMAGES[2:5], samples=torch.arange(2, 5)), named[2:5])
    with pytest.raises(UsageError, match=r"a replica of DataParallel .* give samples"):
        replica(IMAGES)


def train(rank: int, world: int, port: int, results: Any) -> None:
    """Two steps on every second image of a batch; puts what the network saw."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world
    )

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.distort, self.last = distort(), torch.nn.Linear(3 * 9 * 13, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.seen = self.distort(images)
            return self.last(self.seen.flatten(1) / 255)

    network = torch.nn.parallel.DistributedDataParallel(Network())
    seen = []
    for batch in IMAGES[rank::world].split(2):
        network(batch).sum().backward()
        seen.append(network.module.seen)
    results.put((rank, torch.cat(seen).numpy()))
    torch.distributed.destroy_process_group()


def test_two_processes_draw_what_one_does() -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of forking beside torch's threads.
        processes = [
            context.Process(target=train, args=(rank, 2, port, results)) for rank in range(2)
        ]
        for process in processes:
            process.start()
    seen = dict(results.get(timeout=100) for _ in processes)
    for process in processes:
        process.join(20)
    expected = distort()(IMAGES).numpy()
    for rank in range(2):
        np.testing.assert_array_equal(seen[rank], expected[rank::2])


class Dataset(torch.utils.data.Dataset[torch.Tensor]):
    """Tells the transform which sample it is given."""

    def __init__(self, transform: Module) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(IMAGES[index], samples=[index])


def epochs(
    module: Module, workers: int, numbers: range, *, persistent: bool = False
) -> list[torch.Tensor]:
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of forking, and of more workers than cores.
        loader = torch.utils.data.DataLoader(
            Dataset(module),
            batch_size=3,
            num_workers=workers,
            persistent_workers=persistent,
            multiprocessing_context="fork" if workers else None,
        )
        for number in numbers:
            module.set_epoch(number)
            drawn.append(torch.cat(list(loader)))
    return drawn


def test_the_same_stream_whatever_the_number_of_workers() -> None:
    expected = epochs(distort(), 0, range(3))
    assert not torch.equal(expected[0], expected[1])
    for workers, persistent in ((2, True), (4, False)):
        given = epochs(distort(), workers, range(3), persistent=persistent)
        assert all(map(torch.equal, given, expected))
    resumed = epochs(distort(), 2, range(1, 3))
    assert all(map(torch.equal, resumed, expected[1:]))


def test_in_workers_samples_without_names_differ() -> None:
    class Unnamed(Dataset):
        def __getitem__(self, index: int) -> torch.Tensor:
            return self.transform(IMAGES[0])

    loader = torch.utils.data.DataLoader(
        Unnamed(Distort("noise", seed=1)),
        batch_size=None,
        num_workers=2,
        multiprocessing_context="fork",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len({image.numpy().tobytes() for image in loader}) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": range(7)}, "7 samples are named for 8 images"),
        ({"samples": [0.5] * 8}, "a sample is a whole number, not 0.5"),
        ({"samples": torch.rand(8)}, "a sample is a whole number"),
        ({"samples": "abcdefgh"}, "one for each image, not 'abcdefgh'"),
        ({"samples": 5}, "one for each image, not 5"),
    ],
)
def test_other_names_of_samples_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        distort()(IMAGES, **options)


def test_floats_are_refused() -> None:
    with pytest.raises(UsageError, match="distort before scaling"):
        distort()(IMAGES / 255)


def test_repr_tells_what_can_be_drawn() -> None:
    assert repr(Distort("blur", sigma=(2, 4), p_clean=0.5)) == (
        "Distort('blur', blur-2 to blur-4, p_clean=0.5)"
    )

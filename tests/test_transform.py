import hashlib
import multiprocessing
import pickle
import random
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from imagenetq.errors import UsageError
from imagenetq.rendering import render
from imagenetq.transform import Distort
from worker_tasks import draw_when_told

PIXELS = np.random.default_rng(0).integers(0, 256, (15, 22, 3), dtype=np.uint8)


class Repeated:
    """A dataset of one image, distorted anew each time."""

    def __init__(self, distort: Distort) -> None:
        self.distort = distort

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> bytes:
        return self.distort(PIXELS).tobytes()


def draws(distort: Distort, n: int = 6) -> list[bytes]:
    return [distort(PIXELS).tobytes() for _ in range(n)]


@pytest.mark.parametrize(
    ("distortion", "limits", "names"),
    [
        ("blur", {"sigma": (1, 3)}, ["blur-1", "blur-2", "blur-3"]),
        ("blur", {"sigma": (3, 1)}, ["blur-1", "blur-2", "blur-3"]),
        ("jpeg", {"quality": 10}, ["jpeg-10"]),
        ("jpeg", {"quality": (5, 9)}, ["jpeg-8", "jpeg-6"]),
        ("contrast", {"factor": (0.25, 0.5)}, ["contrast-0.5", "contrast-0.4", "contrast-0.3"]),
        ("jpeg2000", {"psnr": (20, 22)}, ["jpeg2000-22", "jpeg2000-20"]),
    ],
)
def test_rungs_in_range(distortion, limits, names):
    assert [rung.name for rung in Distort(distortion, **limits).rungs] == names


def test_whole_ladder_without_limits():
    assert [rung.value for rung in Distort("noise").rungs] == list(range(10, 101, 10))


def test_draws_only_its_rungs_and_all_of_them():
    distort = Distort("contrast", factor=(0.3, 0.5), seed=0)
    expected = {render(PIXELS, rung.name).tobytes() for rung in distort.rungs}
    assert set(draws(distort, 60)) == expected


def test_draws_are_uniform_over_the_rungs():
    distort = Distort("contrast", seed=1)
    by_pixels = {render(PIXELS, rung.name).tobytes(): 0 for rung in distort.rungs}
    for drawn in draws(distort, 1100):
        by_pixels[drawn] += 1
    # 100 expected, with a deviation of 9.5.
    assert all(60 < count < 140 for count in by_pixels.values())


def test_noise_is_fresh_each_time():
    assert len(set(draws(Distort("noise", sigma=20, seed=0)))) == 6


def test_seed_repeats():
    assert draws(Distort("noise", seed=5)) == draws(Distort("noise", seed=5))
    assert draws(Distort("noise", seed=5)) != draws(Distort("noise", seed=6))
    assert draws(Distort("noise")) != draws(Distort("noise"))


def test_global_randomness_is_left_alone():
    numpy_before, python_before = np.random.get_state()[1].tolist(), random.getstate()
    draws(Distort("noise", seed=0))
    assert np.random.get_state()[1].tolist() == numpy_before
    assert random.getstate() == python_before


def test_pillow_in_pillow_out():
    result = Distort("jpeg", quality=4)(Image.fromarray(PIXELS))
    assert isinstance(result, Image.Image)
    assert np.array_equal(np.asarray(result), render(PIXELS, "jpeg-4"))


def test_pickled_copy_goes_on_alike():
    distort = Distort("noise", seed=3)
    draws(distort, 2)
    copy = pickle.loads(pickle.dumps(distort))
    assert draws(copy) == draws(distort)


def test_several_distortions_by_weight_and_clean_ones():
    distort = Distort(
        {"blur": (1, 2), "jpeg": None, "contrast": 0.5},
        weights={"jpeg": 4},
        p_clean=0.25,
        seed=0,
    )
    counts = Counter(distort.variant_of(sample).distortion for sample in range(4000))
    # Expected 1000, 2000, 500 and 500, with deviations of at most 32.
    assert counts.keys() == {"clean", "jpeg", "blur", "contrast"}
    for distortion, expected in {"clean": 1000, "jpeg": 2000, "blur": 500}.items():
        assert abs(counts[distortion] - expected) < 130
    assert {distort.variant_of(sample).name for sample in range(999)} == {
        "clean",
        *(rung.name for rung in distort.rungs),
    }


def test_never_clean_and_always_clean():
    assert all(Distort("blur", seed=0).variant_of(one).name != "clean" for one in range(500))
    assert all(
        Distort("blur", p_clean=1, seed=0).variant_of(one).name == "clean" for one in range(500)
    )


def test_levels_bound_every_distortion():
    rungs = Distort({"blur": (2, 9), "noise": None}, levels=(1, 3)).rungs
    assert [rung.name for rung in rungs] == ["blur-2", "blur-3", "noise-10", "noise-20", "noise-30"]


def test_a_sample_decides_with_seed_and_epoch_alone():
    distort, other = Distort("noise", seed=5), Distort("noise", seed=5)
    draws(other)
    other.set_epoch(2)
    other.set_epoch(0)
    assert distort(PIXELS, sample=17).tobytes() == other(PIXELS, sample=17).tobytes()
    first = distort(PIXELS, sample="a").tobytes()
    distort.set_epoch(1)
    assert distort(PIXELS, sample="a").tobytes() != first
    assert distort(PIXELS, sample="b").tobytes() != distort(PIXELS, sample="a").tobytes()


def test_a_draw_is_its_published_hash():
    """Written out by hand, so that no release draws anything else for the same seed."""
    distort = Distort({"blur": None, "jpeg": None}, p_clean=0.5, seed=3)
    distort.set_epoch(2)
    for sample in range(50):
        digest = hashlib.sha256(f"imagenet-q/1/draw/3/2/{sample}".encode()).digest()
        words = [int.from_bytes(digest[at : at + 8], "little") / 2**64 for at in (0, 8, 16)]
        names = [f"blur-{n}" for n in range(1, 10)], [f"jpeg-{n}" for n in range(20, 1, -2)]
        rungs = names[int(words[1] * 2)]
        expected = "clean" if words[0] < 0.5 else rungs[int(words[2] * len(rungs))]
        assert distort.variant_of(sample).name == expected


def test_a_process_that_runs_already_sees_the_epoch():
    distort = Distort({"blur": None, "jpeg": None, "noise": None}, seed=5)
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    process = context.Process(target=draw_when_told, args=(distort, its))
    process.start()
    its.close()
    for epoch in (0, 1, 7):
        distort.set_epoch(epoch)
        for sample in range(5):
            mine.send(sample)
            assert mine.recv() == distort.variant_of(sample).name
    mine.send(None)
    process.join(60)
    assert process.exitcode == 0
    copy = pickle.loads(pickle.dumps(distort))
    copy.set_epoch(2)
    assert (distort.state_dict()["epoch"], copy.state_dict()["epoch"]) == (7, 2)


def test_state_resumes():
    distort = Distort("noise")
    distort.set_epoch(4)
    draws(distort, 3)
    resumed = Distort("noise")
    resumed.load_state_dict(distort.state_dict())
    assert draws(resumed) == draws(distort)


def test_a_generator_draws_the_seed():
    drawn = [Distort("blur", generator=np.random.default_rng(8)).state_dict() for _ in range(2)]
    assert drawn[0] == drawn[1]
    with pytest.raises(UsageError, match="give one of both"):
        Distort("blur", seed=1, generator=np.random.default_rng(8))


def test_processes_that_train_together_share_the_samples_out(monkeypatch):
    expected = draws(Distort("noise", seed=5))
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert draws(Distort("noise", seed=5), 3) == expected[1::2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": ["jpeg"]}, "weights are given by distortion"),
        ({"generator": 3}, "generator is a numpy.random.Generator, not 3"),
        ({"weights": {"jpeg": 0}}, "weight of jpeg is a positive number, not 0"),
        ({"weights": {"noise": 1}}, "'noise', which is not among blur, jpeg"),
        ({"weights": {"blur": "2"}}, "weight of blur is a positive number, not '2'"),
        ({"p_clean": 1.5}, "from 0 to 1, not 1.5"),
        ({"p_clean": "0.5"}, "from 0 to 1, not '0.5'"),
        ({"seed": 2.0}, "seed is a whole number, not 2.0"),
        ({"seed": 0.5}, "seed is a whole number, not 0.5"),
        ({"seed": "x"}, "seed is a whole number, not 'x'"),
        ({"levels": (11, 12)}, r"no rung of blur lies in 11 to 12 \(levels\)"),
        ({"levels": (1, 2, 3)}, "a range is a pair"),
        ({"sigma": (1, 2)}, "each has its own range"),
    ],
)
def test_bad_options_of_several_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Distort({"blur": None, "jpeg": None}, **options)


def test_no_distortion_and_odd_samples_are_refused():
    for epoch in (-1, 2**63):
        with pytest.raises(UsageError, match=r"counted from 0, and below 2\^63"):
            Distort("blur").set_epoch(epoch)
    with pytest.raises(UsageError, match="holds seed, epoch, position"):
        Distort("blur").load_state_dict(5)
    with pytest.raises(UsageError, match="no distortion named"):
        Distort({})
    with pytest.raises(UsageError, match=r"or several as \{'blur': \(1, 3\), 'jpeg': None\}, not"):
        Distort(["blur", "jpeg"])
    with pytest.raises(UsageError, match=r"a sample is a whole number, not 1\.5"):
        Distort("blur")(PIXELS, sample=1.5)


@pytest.mark.parametrize(
    ("distortion", "limits", "message"),
    [
        ("blurr", {}, "did you mean blur"),
        ("clean", {}, "no distortion 'clean'"),
        ("blur", {"quality": 3}, "it has 'sigma'"),
        ("blur", {"sigma": (20, 30)}, "there are 1, 2, 3"),
        ("jpeg", {"quality": 5}, "no rung of jpeg"),
        ("jpeg", {"quality": 0}, "no rung of jpeg lies in 0 to 0; there are 20"),
    ],
)
def test_bad_arguments_are_refused(distortion, limits, message):
    with pytest.raises(UsageError, match=message):
        Distort(distortion, **limits)


def test_repr_tells_the_range():
    assert repr(Distort("blur", sigma=(2, 4))) == "Distort('blur', blur-2 to blur-4)"


def test_needs_no_torch():
    script = (
        "import sys, numpy as np\n"
        "from imagenetq.transform import Distort\n"
        "Distort('blur')(np.zeros((4, 4, 3), np.uint8))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def epochs(seed: int | None, loader_seed: int | None, workers: int = 2) -> list[list[bytes]]:
    """What two epochs draw, by a transform's seed and that of the loader's generator."""
    torch = pytest.importorskip("torch", reason="needs torch (extra [eval])")
    generator = None if loader_seed is None else torch.Generator().manual_seed(loader_seed)
    loader = torch.utils.data.DataLoader(
        Repeated(Distort("noise", seed=seed)),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        generator=generator,
    )
    with warnings.catch_warnings():
        # Python warns of forking beside torch's threads; the loader always does so.
        warnings.simplefilter("ignore")
        return [list(loader), list(loader)]


def test_in_workers_both_seeds_decide_what_is_drawn():
    first, second = epochs(1, 7)
    assert len({*first, *second}) == 16
    assert epochs(1, 7) == [first, second]
    for other in (epochs(1, 8), epochs(2, 7), epochs(None, 7), epochs(1, None)):
        assert not {*first, *second} & {*other[0], *other[1]}


def test_a_loader_without_a_generator_takes_its_workers_seeds_from_torch():
    torch = pytest.importorskip("torch", reason="needs torch (extra [eval])")
    before = torch.get_rng_state()
    try:
        torch.manual_seed(3)
        drawn = epochs(1, None)
        torch.manual_seed(3)
        assert epochs(1, None) == drawn
    finally:
        torch.set_rng_state(before)


def test_without_workers_the_transforms_own_seed_decides():
    assert epochs(1, 7, workers=0) == epochs(1, None, workers=0) != epochs(2, 7, workers=0)

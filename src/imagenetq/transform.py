"""Define a torchvision-style transform that distorts images at random, for training.

Dodge & Karam 2016 leave training on low-quality images as future work; this is the tool for it.
"""

from collections.abc import Mapping

import numpy as np

from imagenetq.draws import Drawing, Draws, Limits, Sample, drawn_seed, samples_of
from imagenetq.rendering import AnyImage, render


class Distort(Drawing):
    """A transform that distorts each image at a random rung of one distortion's ladder, or several.

    It works on Pillow images and RGB arrays, so it stands before `ToTensor` or `PILToTensor` in a
    pipeline; torch need not be installed. `imagenetq.torch.Distort` does the same to batches of
    tensors. Each draw is uniform over the rungs in range; noise gets a fresh field every time.

    No global state is read or changed. If the sample's index or id is given (`distort(image,
    sample=index)`), the draw depends on the seed, the epoch (`set_epoch`) and the sample alone,
    with any number of workers and processes, in any order. Otherwise samples are numbered as they
    come. Each worker of a `torch.utils.data.DataLoader` then counts its own samples, and its seed
    tells it apart from the others. The loader draws that seed for each epoch from its `generator`,
    so a training repeats exactly only if both seeds are fixed and the number of workers is the
    same.

    Args:
        distortion: `"blur"`, `"noise"`, `"contrast"`, `"jpeg"` or `"jpeg2000"`; or several, each
            with its parameter's range or None: `{"blur": (1, 3), "jpeg": None}`.
        weights: how often each of several is drawn, relative to the others: `{"blur": 2}`; 1 if
            left out.
        levels: levels of the ladder, 1 the mildest: a pair (from, to), both included, or one.
        p_clean: the probability of leaving an image as it is.
        seed: a whole number; None draws one from the operating system, so that nothing repeats.
        generator: a generator that draws the seed instead.
        **limits: the range of the distortion's parameter as a pair (from, to), both included, or as
            one value: `sigma=(1, 3)`, `quality=10`; the whole ladder if left out.

    Raises:
        UsageError: there is no such distortion or parameter, no rung is in range, a weight,
            probability or seed is impossible, or both a seed and a generator are given.

    Examples:
        >>> distort = Distort("blur", sigma=(1, 3), seed=0)
        >>> [v.name for v in distort.rungs]
        ['blur-1', 'blur-2', 'blur-3']
    """

    def __init__(
        self,
        distortion: str | Mapping[str, Limits],
        *,
        weights: Mapping[str, float] | None = None,
        levels: int | tuple[int, int] | None = None,
        p_clean: float = 0.0,
        seed: int | None = None,
        generator: np.random.Generator | None = None,
        **limits: Limits,
    ) -> None:
        seed = drawn_seed(
            *(seed, generator, np.random.Generator, "numpy.random.Generator"),
            lambda generator: generator.integers(2**63),
        )
        self._draws = Draws(
            distortion, weights=weights, levels=levels, p_clean=p_clean, seed=seed, limits=limits
        )

    def __call__(self, image: AnyImage, *, sample: Sample | None = None) -> AnyImage:
        """Distort an RGB array or a Pillow image, and give the same kind back.

        Args:
            image: uint8 of shape (height, width, 3), or a Pillow image.
            sample: the sample's index or id; None numbers the samples as they come.

        Raises:
            UsageError: the array has another shape or type, or the sample is neither index nor id.
        """
        if sample is None:
            (drawn,) = self._draws.draw_next(1)
        else:
            drawn = self._draws.draw(*samples_of([sample], 1))
        return render(image, drawn.variant.name, image_id=drawn.image_id)

    def state_dict(self) -> dict[str, int]:
        """Give what it takes to resume: seed, epoch and number of samples without a name."""
        return self._draws.state()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on with the draws of a `state_dict`.

        Raises:
            UsageError: `state` is not from `state_dict`.
        """
        self._draws.restore(state)

    def __repr__(self) -> str:
        return f"Distort({self._draws.describe()})"

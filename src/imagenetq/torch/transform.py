"""Distort batches at random on any device, by a torch module."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from imagenetq.draws import Draw, Drawing, Draws, Limits, Sample, drawn_seed, samples_of
from imagenetq.errors import UsageError
from imagenetq.torch.batches import Channels, Images, Pictures
from imagenetq.torch.rendering import render_pictures


class Distort(Drawing, torch.nn.Module):
    """A module that distorts each image of a batch at a random rung of one or several ladders.

    It takes what `imagenetq.torch.render` takes, and gives the pixels of `imagenetq.render`. It
    draws as `imagenetq.Distort` does: the same seed, epoch and sample give the same variant and the
    same noise on a CPU and on a GPU, for any batch size and any number of processes.

    `distort(images, samples=indices)` names the samples. Without names, images are numbered as they
    come. If several processes train together (`torch.distributed`), images are numbered by their
    places among those of all processes, as a `DistributedSampler` deals them out. The state that
    `state_dict` keeps has the seed, the epoch and how many images came without a name, so that a
    training resumes with the same draws.

    `torch.compile` leaves the module uncompiled (a graph break). As a transform of
    `torchvision.transforms.v2` it passes on what comes with the image.

    The other options are those of `imagenetq.Distort`.

    Args:
        same_in_batch: give all images of a batch the variant that its first image draws.
        channels: where the images' channels are, `"first"` or `"last"`.

    Raises:
        UsageError: there is no such distortion or parameter, no rung is in range, a weight or the
            probability is impossible, or both a seed and a generator are given.
    """

    def __init__(
        self,
        distortion: str | Mapping[str, Limits],
        *,
        weights: Mapping[str, float] | None = None,
        levels: int | tuple[int, int] | None = None,
        p_clean: float = 0.0,
        same_in_batch: bool = False,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        channels: Channels = "first",
        **limits: Limits,
    ) -> None:
        super().__init__()
        seed = drawn_seed(
            *(seed, generator, torch.Generator, "torch.Generator"),
            # The largest bound that torch takes.
            lambda drawing: torch.randint(2**63 - 1, (), generator=drawing, device=drawing.device),
        )
        self._draws = Draws(
            distortion, weights=weights, levels=levels, p_clean=p_clean, seed=seed, limits=limits
        )
        self.same_in_batch = same_in_batch
        self.channels = channels

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(
        self, images: Images, *others: Any, samples: Sequence[Sample] | torch.Tensor | None = None
    ) -> Any:
        """Distort a batch.

        Args:
            images: as for `imagenetq.torch.render`.
            *others: passed on as they are, such as labels.
            samples: the index or id of each image; None numbers images as they come.

        Returns:
            The distorted images; if there are others, a tuple of the images and the others.

        Raises:
            UsageError: as for `imagenetq.torch.render`, samples are not as many as images, or a
                replica of `DataParallel` is given no samples.
        """
        pictures = Pictures.of(images, self.channels)
        drawn = self._drawn(len(pictures), samples)
        variants = [one.variant for one in drawn]
        if self.same_in_batch:
            variants = variants[:1] * len(variants)
        rendered = render_pictures(pictures, variants, [one.image_id for one in drawn])
        distorted = pictures.given_back(rendered)
        return (distorted, *others) if others else distorted

    def get_extra_state(self) -> dict[str, int]:
        """Give what `state_dict` keeps: seed, epoch, and how many images came without a name."""
        return self._draws.state()

    def set_extra_state(self, state: Mapping[str, int]) -> None:
        """Restore what `state_dict` kept.

        Raises:
            UsageError: the state is something else.
        """
        self._draws.restore(state)

    def extra_repr(self) -> str:
        """Say what can be drawn."""
        return self._draws.describe()

    def _drawn(self, n: int, samples: Sequence[Sample] | torch.Tensor | None) -> list[Draw]:
        if samples is not None:
            listed = samples.tolist() if isinstance(samples, torch.Tensor) else samples
            return self._draws.draw_each(samples_of(listed, n))
        if getattr(self, "_is_replica", False):
            raise UsageError(
                "a replica of DataParallel does not know its images' places: give samples, or "
                "distort before the images are dealt out"
            )
        return self._draws.draw_next(n)

"""Give a baseline that needs no weights, so that a demonstration measures something real."""

from imagenetq.errors import UsageError
from imagenetq.evaluate.models.base import LoadOptions, Network
from imagenetq.evaluate.models.preprocessing import Preprocessing

_THUMBNAIL = Preprocessing(
    resize=(32, 32),
    interpolation="bilinear",
    crop=None,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)


def load(name: str, options: LoadOptions) -> Network:
    """Make the baseline that finds the nearest clean image by its grey 32x32 thumbnail.

    Nearness is the cosine similarity of thumbnails.
    """
    from imagenetq.evaluate.models.wrappers import NearestPhotograph

    if name != "nearest":
        raise UsageError(f"no baseline {name!r}; there is baseline/nearest")
    if options.weights is not None or options.arguments:
        raise UsageError("baseline/nearest: has neither weights nor arguments; leave them out")
    module = NearestPhotograph()
    return Network(module, _THUMBNAIL, weights=None, needs_fit=module.fit)

"""Choose a subset's photographs and their order, as a pure function of ids and classes."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imagenetq import classes
from imagenetq.errors import SourceError, UsageError
from imagenetq.specification import KEY_PREFIX, SUBSETS

SAMPLE = "sample"
"""Name of the subset of the embedded photographs, which no other source has."""

MAX_ID_LENGTH = 200

_HUB_SUFFIX = re.compile(r"_n\d{8}$")


@dataclass(frozen=True)
class SourceImage:
    """A photograph as its source lists it, unread."""

    image_id: str
    """Stem of the file, less the Hub's suffix: the same in every copy of ImageNet."""

    wnid: str
    """WordNet id of the class."""

    name: str
    """Name of the file in its source, such as its path: for reading it, and for messages."""


@dataclass(frozen=True)
class RankedImage(SourceImage):
    """A photograph that was chosen."""

    rank: int
    """Place of the photograph in its class, from 0."""


@dataclass(frozen=True)
class Selection:
    """The photographs of a subset."""

    subset: str
    """Name of the subset."""

    images: tuple[RankedImage, ...]
    """Photographs of the subset, ordered by rank, then wnid."""

    absent: tuple[str, ...]
    """Wnids of the classes of which the source has no photograph."""

    short: dict[str, int]
    """Number of photographs of each class, by wnid, that has fewer than the subset asks for."""


def subset_of(wanted: str | None, default: str) -> str:
    """Decide which subset to take of a source: what is wanted, or else the source's default."""
    subset = wanted or default
    if subset == SAMPLE and default != SAMPLE:
        raise UsageError(f"subset {SAMPLE!r} is that of the embedded photographs; say full or mini")
    return subset


def image_id_of(stem: str) -> str:
    """Make the image id from a file's stem.

    The Hub's copy of ImageNet appends the class to the name. Without that suffix, every copy gives
    the same ids.
    """
    return _HUB_SUFFIX.sub("", stem)


def is_image_id(text: str) -> bool:
    """Tell whether a text can be an image id, which has 1 to 200 printable characters.

    Sources, shards and predictions all obey this one rule.
    """
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable()


def rank_key(image_id: str) -> str:
    """Compute what ranks the photographs of a class, ascending: hex SHA-256 of the prefixed id."""
    return hashlib.sha256((KEY_PREFIX + image_id).encode()).hexdigest()


def select(images: Iterable[SourceImage], subset: str, *, allow_short: bool = False) -> Selection:
    """Choose a subset's photographs of all that a source has.

    With `allow_short`, a class with too few photographs is taken as it is, and recorded.
    """
    if subset not in SUBSETS:
        raise UsageError(f"no subset {subset!r}; there are {', '.join(SUBSETS)}")
    per_class = SUBSETS[subset]
    by_class = _by_class(images)
    short = {
        wnid: len(members)
        for wnid, members in sorted(by_class.items())
        if per_class is not None and len(members) < per_class
    }
    if short and not allow_short:
        wnid, count = next(iter(short.items()))
        raise SourceError(
            f"subset {subset!r} needs {per_class} photographs a class, but {len(short)} classes "
            f"have fewer ({wnid} has {count}); choose --subset mini, or --allow-short to record "
            "them"
        )
    ranked = [
        RankedImage(image.image_id, image.wnid, image.name, rank)
        for members in by_class.values()
        for rank, image in enumerate(
            sorted(members, key=lambda image: rank_key(image.image_id))[:per_class]
        )
    ]
    ranked.sort(key=lambda image: (image.rank, image.wnid))
    absent = tuple(wnid for wnid in classes.wnids() if wnid not in by_class)
    return Selection(subset, tuple(ranked), absent, short)


def _by_class(images: Iterable[SourceImage]) -> dict[str, Sequence[SourceImage]]:
    seen: dict[str, SourceImage] = {}
    by_class: defaultdict[str, list[SourceImage]] = defaultdict(list)
    for image in images:
        if image.wnid not in classes.labels():
            raise SourceError(
                f"{image.name}: {image.wnid!r} is none of ImageNet's 1,000 classes; remove it"
            )
        if not is_image_id(image.image_id):
            raise SourceError(
                f"{image.name!r}: gives no image id, which has 1 to {MAX_ID_LENGTH} printable "
                "characters; rename the file"
            )
        twin = seen.setdefault(image.image_id, image)
        if twin is not image:
            raise SourceError(
                f"{twin.name} and {image.name} are both photograph {image.image_id!r}; remove one"
            )
        by_class[image.wnid].append(image)
    if not by_class:
        raise SourceError("the source holds no photographs")
    return dict(by_class)

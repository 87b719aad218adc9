"""Which photographs a subset holds, and in which order: a pure function of ids and classes."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imagenetq import classes
from imagenetq.errors import SourceError, UsageError
from imagenetq.specification import KEY_PREFIX, SUBSETS

SAMPLE = "sample"
"""The subset of the embedded photographs, which no other source has."""

MAX_ID_LENGTH = 200

_HUB_SUFFIX = re.compile(r"_n\d{8}$")


@dataclass(frozen=True)
class SourceImage:
    """An original as its source lists it, unread."""

    image_id: str
    """The file's stem, less the Hub's suffix: the same in every copy of ImageNet."""

    wnid: str
    """The class."""

    name: str
    """What the source calls the file, such as its path: for reading it, and for messages."""


@dataclass(frozen=True)
class RankedImage(SourceImage):
    """A chosen original."""

    rank: int
    """Its place in its class, from 0."""


@dataclass(frozen=True)
class Selection:
    """A subset's photographs."""

    subset: str
    """Its name."""

    images: tuple[RankedImage, ...]
    """Ordered by rank, then wnid."""

    absent: tuple[str, ...]
    """Wnids of which the source has no image."""

    short: dict[str, int]
    """For each class with fewer photographs than the subset asks for, how many it has."""


def subset_of(wanted: str | None, default: str) -> str:
    """The subset to take of a source.

    Args:
        wanted: `full` or `mini`; the source's default if None.
        default: the source's.

    Raises:
        UsageError: `sample` is wanted of anything but the sample.
    """
    subset = wanted or default
    if subset == SAMPLE and default != SAMPLE:
        raise UsageError(f"subset {SAMPLE!r} is that of the embedded photographs; say full or mini")
    return subset


def image_id_of(stem: str) -> str:
    """The image id of a file's stem.

    The Hub's copy of ImageNet appends the class to the name; without that suffix every copy
    gives the same ids.
    """
    return _HUB_SUFFIX.sub("", stem)


def is_image_id(text: str) -> bool:
    """Whether a text can be an image's id wherever there is one: of 1 to 200 printable characters.

    Sources, shards and predictions all obey this one rule.
    """
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable()


def rank_key(image_id: str) -> str:
    """What photographs of a class are ranked by, ascending: hex SHA-256 of the prefixed id."""
    return hashlib.sha256((KEY_PREFIX + image_id).encode()).hexdigest()


def select(images: Iterable[SourceImage], subset: str, *, allow_short: bool = False) -> Selection:
    """Choose a subset.

    Args:
        images: all that the source has.
        subset: `full`, `mini` or `sample`.
        allow_short: take a class with too few photographs as it is, and record it.

    Raises:
        UsageError: no such subset.
        SourceError: a duplicate id or one that is none, an unknown class, no image at all, or a
            class that is short.
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

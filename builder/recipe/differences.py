"""Find in what two datasets differ, photograph by photograph."""

from collections.abc import Iterable, Mapping, Sequence

from imagenetq.digests import PixelLine
from imagenetq.manifest import BadImageNote
from imagenetq.specification import CLEAN


def differences(
    expected: Iterable[PixelLine],
    found: Iterable[PixelLine],
    bad_images: Iterable[BadImageNote] = (),
) -> list[str]:
    """List everything in which a dataset differs from what it should be, by photograph.

    Args:
        expected: lines of the dataset that it should be.
        found: lines of the dataset as it is.
        bad_images: photographs that were left out of it, and why.
    """
    wanted, there = _by_image(expected), _by_image(found)
    reasons = {note.image_id: note.reason for note in bad_images}
    lines = []
    for image_id in sorted(wanted.keys() | there.keys()):
        if image_id not in there:
            because = f" ({reasons[image_id]})" if image_id in reasons else ""
            lines.append(f"{image_id}: missing, of class {_wnid(wanted[image_id])}{because}")
        elif image_id not in wanted:
            lines.append(f"{image_id}: too many, of class {_wnid(there[image_id])}")
        else:
            lines += _differences_of(image_id, wanted[image_id], there[image_id])
    return lines


def _differences_of(
    image_id: str, wanted: Mapping[str, PixelLine], there: Mapping[str, PixelLine]
) -> list[str]:
    lines = []
    if _wnid(wanted) != _wnid(there):
        lines.append(
            f"{image_id}: another label, {_wnid(there)}; it should be of class {_wnid(wanted)}"
        )
    others = [
        name
        for name, line in wanted.items()
        if name not in there or there[name].pixel_sha256 != line.pixel_sha256
    ]
    if others:
        whole = len(others) == len(wanted) and CLEAN in others
        cause = "; its photograph is another" if whole else ""
        lines.append(f"{image_id}: other pixels in {_called(others, len(wanted))}{cause}")
    return lines


def _called(names: Sequence[str], n_variants: int) -> str:
    if len(names) == n_variants > 1:
        return f"all {n_variants} variants"
    return ", ".join(names)


def _by_image(lines: Iterable[PixelLine]) -> dict[str, dict[str, PixelLine]]:
    images: dict[str, dict[str, PixelLine]] = {}
    for line in lines:
        images.setdefault(line.image_id, {})[line.variant] = line
    return images


def _wnid(variants: Mapping[str, PixelLine]) -> str:
    return next(iter(variants.values())).wnid

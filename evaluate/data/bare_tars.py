"""Read WebDataset tars that have no manifest; their rows say what they are."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from imagenetq.choices import CheckPixels
from imagenetq.errors import FolderError, UsageError
from imagenetq.evaluate.data.base import Data, Identity, Task
from imagenetq.evaluate.data.rows import Expected, require_version
from imagenetq.evaluate.data.shard_task import ShardFile, ShardTask
from imagenetq.retrying import Patience, retried
from imagenetq.shards import SHARD_ROWS, StoredRow
from imagenetq.specification import Variant, specification_digest, variants
from imagenetq.storage import expand_glob, local_path

_SEPARATOR = re.compile(r"[,\s]+(?![^{]*\})")
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9.-]+")


def tar_names(spec: str) -> list[str]:
    """List the tars, as paths or URLs, that a text names; give none if they are not all tars.

    Names are separated by commas or spaces, with braces as in `test-{00000..00099}.tar`.
    """
    from braceexpand import braceexpand

    try:
        names = [name for word in _SEPARATOR.split(spec) if word for name in braceexpand(word)]
    except ValueError:
        raise UsageError(f"{spec}: its braces do not match") from None
    return names if all(_path(name).endswith(".tar") for name in names) else []


class BareTars(Data):
    """Tars that were named one by one or by patterns; a task is one tar.

    A tar in a folder named after a variant, as `imagenetq build` lays them out, is taken to hold
    that variant; of any other tar the first row is read to find out. In either case reading checks
    each row.
    """

    def __init__(self, names: Sequence[str], check_pixels: CheckPixels, patience: Patience) -> None:
        """Find the tars of paths and URLs with `*` and `[]`, and read the first row of the first.

        The rest is as for `open_data`, but a sample of the pixels means all here.
        """
        self._patience = patience
        # No manifest vouches for the bytes, so a sample of the pixels would leave most unproven.
        self._check_pixels: CheckPixels = "all" if check_pixels == "sample" else check_pixels
        tars: list[str] = []
        for name in names:
            matches = expand_glob(name)
            if not matches or any((p := local_path(tar)) and not p.is_file() for tar in matches):
                raise UsageError(f"{name}: no such tar; check the path")
            tars += matches
        version = require_version(self._first_row(tars[0]).fields, tars[0])
        self._tars: dict[Variant, list[str]] = defaultdict(list)
        for tar in tars:
            self._tars[self._variant_of(tar)].append(tar)
        self.variants = tuple(v for v in variants() if v in self._tars)
        self.identity = Identity(version, specification_digest())
        named: dict[str, str] = {}
        for variant, tars in self._tars.items():
            for tar in tars:
                key = _key(variant, tar)
                twin = named.setdefault(key, tar)
                if twin is not tar:
                    raise UsageError(f"{twin} and {tar} are both {key}; name one of them, once")

    def tasks(self, variants: Sequence[Variant], limit: int | None = None) -> Sequence[Task]:
        """Make one task of each tar, variant by variant, in the order in which they were named.

        A limit counts 100 images for each tar of a variant, which is what a tar holds unless it is
        the last one or bad photographs were left out.
        """
        self._require_available(variants, limit, "the tars")
        version = self.identity.dataset_version
        return [
            ShardTask(
                key=_key(variant, tar),
                n_samples=None,
                shard=ShardFile(tar),
                expected=Expected(variant.name, version, self._check_pixels),
                limit=None if left is None or left >= SHARD_ROWS else left,
                patience=self._patience,
            )
            for variant in variants
            for number, tar in enumerate(self._tars[variant])
            if (left := None if limit is None else limit - number * SHARD_ROWS) is None or left > 0
        ]

    def _first_row(self, tar: str) -> StoredRow:
        row = retried(ShardFile(tar).first_row, self._patience)
        if row is None:
            raise FolderError(f"{tar}: an empty tar; get it again")
        return row

    def _variant_of(self, tar: str) -> Variant:
        by_name = {variant.name: variant for variant in variants()}
        folder = PurePosixPath(_path(tar)).parent.name
        if folder in by_name:
            return by_name[folder]
        fields = self._first_row(tar).fields
        require_version(fields, tar)
        for variant in variants():
            value = None if variant.value is None else float(variant.value)
            if (variant.distortion, value) == (fields.get("distortion"), fields.get("value")):
                return variant
        raise FolderError(f"{tar}: its first row is of no variant of ImageNet-Q; get it again")


def _key(variant: Variant, tar: str) -> str:
    return f"{variant.name}.{_NOT_IN_KEYS.sub('-', PurePosixPath(_path(tar)).stem)}"


def _path(name: str) -> str:
    """Give a name's path, which for a URL is the part without host and query."""
    return urlsplit(name).path if "://" in name else name

"""Plan a rendering: which pictures, in which units, under which names."""

from typing import Literal

from imagenetq.builder.folders import DatasetFolder
from imagenetq.builder.pictures.file_names import file_names
from imagenetq.errors import FolderError
from imagenetq.manifest import Model, Sha256
from imagenetq.provenance import library_versions
from imagenetq.specification import DATASET_VERSION, Variant, select_variants, specification_digest

_UNIT_FILES = 400
"""Most files that a unit makes, since all files of an unfinished unit are made again."""

_MIN_UNITS = 64
"""Number of units that a small folder is cut into if it can be, so that every worker has some."""


class PicturesUnit(Model):
    """One piece of work: some of the pictures, in all variants."""

    index: int
    """Number of the unit, from 0."""

    paths: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    """Names of the files of these pictures, by variant."""


class RenderPlan(Model):
    """All that decides which files are made, and how."""

    format_version: Literal[1] = 1
    dataset_version: str
    specification_digest: str = Sha256
    variants: tuple[str, ...]
    """Names of the variants to render, in ladder order."""

    keep_names: bool
    """Whether files bear their originals' names."""

    versions: dict[str, str]
    paths: tuple[str, ...]
    """Paths of all pictures, sorted."""

    def ladder(self) -> tuple[Variant, ...]:
        """List the variants to render, in ladder order."""
        return select_variants(self.variants)

    def units(self) -> list[PicturesUnit]:
        """Cut the pictures into independent pieces of work; for errors see `file_names`."""
        names = file_names(self.paths, self.ladder(), keep_names=self.keep_names)
        size = max(1, min(_UNIT_FILES // len(self.variants), -(-len(self.paths) // _MIN_UNITS)))
        return [
            PicturesUnit(
                index=index,
                paths=self.paths[start : start + size],
                names={name: files[start : start + size] for name, files in names.items()},
            )
            for index, start in enumerate(range(0, len(self.paths), size))
        ]


def make_render_plan(
    paths: tuple[str, ...], variants: tuple[Variant, ...], *, keep_names: bool
) -> RenderPlan:
    """Plan to render some variants of some pictures."""
    return RenderPlan(
        dataset_version=DATASET_VERSION,
        specification_digest=specification_digest(),
        variants=tuple(variant.name for variant in variants),
        keep_names=keep_names,
        versions=library_versions(),
        paths=paths,
    )


def require_same_plan(folder: DatasetFolder, begun: RenderPlan, wanted: RenderPlan) -> None:
    """Refuse to go on with a folder that was begun otherwise; name the first difference."""
    for field in RenderPlan.model_fields:
        before, now = getattr(begun, field), getattr(wanted, field)
        if before == now:
            continue
        if field == "paths":
            lost = sorted(set(begun.paths) - set(wanted.paths))
            new = sorted(set(wanted.paths) - set(begun.paths))
            facts = [
                f"{len(paths)} {word}, such as {paths[0]!r}"
                for word, paths in (("lost", lost), ("new", new))
                if paths
            ]
            raise FolderError(
                f"{folder} was begun with other pictures ({', '.join(facts)}); give another --out, "
                "or restore them"
            )
        raise FolderError(
            f"{folder} was begun with another {field.replace('_', ' ')} ({before!s:.160}; now "
            f"{now!s:.160}); give another --out, or render as it was begun"
        )

"""Check what an entry must be to stand on the leaderboard, and tell what its reader should know."""

from collections import Counter
from collections.abc import Iterator

from imagenetq import classes
from imagenetq.entry import Entry
from imagenetq.evaluate.leaderboard.checks.findings import Finding, fail, warn
from imagenetq.evaluate.models.plain import objections
from imagenetq.evaluate.results.basis import why_unranked
from imagenetq.evaluate.results.registered_sources import KnownSource
from imagenetq.predictions import Predictions
from imagenetq.specification import DATASET_VERSION, SUBSETS, specification_digest, variants
from imagenetq.words import counted

_BASELINE = "baseline/"
"""Beginning of the names of our own models, which have no weights."""

_SHOWN = 80


def entry_conditions(entry: Entry) -> Iterator[Finding]:
    """Check what can be checked of the entry without its predictions."""
    if entry.specification_digest != specification_digest():
        yield fail(
            f"of a specification ({entry.specification_digest[:12]}) that this version of "
            "imagenetq does not know; evaluate on the current dataset"
        )
    elif entry.dataset_version != DATASET_VERSION:
        yield fail(
            f"dataset version {entry.dataset_version} has another specification; "
            f"this one is of {DATASET_VERSION}"
        )
    missing = [v.name for v in variants() if v.name not in entry.variants]
    if missing:
        yield fail(
            f"lacks {len(missing)} of {len(variants())} variants ({missing[0]}); evaluate all"
        )
    model = entry.model
    if model.weights_sha256 is None and not model.name.startswith(_BASELINE):
        yield fail("model.weights_sha256 is absent; evaluate a model whose weights are known")
    if not model.preprocessing:
        yield fail("model.preprocessing is not recorded; evaluate it again")
    elif set(model.preprocessing) == {"callable"}:
        yield warn("the preprocessing is the model's own code, of which only the name is recorded")
    for reason in objections(model.name, model.arguments):
        yield warn(f"not run again from what it says: {reason}")
    if entry.code_commit is not None and entry.code_commit.endswith("-dirty"):
        yield warn(f"evaluated with changed code ({entry.code_commit[:12]}-dirty)")
    if entry.bad_images:
        yield warn(f"{_first([note.image_id for note in entry.bad_images])} left out as bad")
    yield from (warn(f"the evaluation warned: {line}") for line in entry.warnings)


def rank_conditions(entry: Entry) -> Iterator[Finding]:
    """Warn of what keeps the entry from a rank."""
    yield from (warn(f"not ranked: {why}") for why in why_unranked(entry))


def subset_conditions(entry: Entry, predictions: Predictions) -> Iterator[Finding]:
    """Check that the photographs can be those of the subset that the entry names."""
    most = None if entry.subset is None else SUBSETS[entry.subset]
    if most is None:
        return
    label, n_images = Counter(predictions.labels.tolist()).most_common(1)[0]
    if n_images > most:
        yield fail(
            f"subset {entry.subset} has {counted(most, 'photograph')} of a class, but there are "
            f"{n_images} of {classes.wnids()[label]}"
        )


def label_conditions(source: KnownSource, name: str, predictions: Predictions) -> Iterator[Finding]:
    """Check that photographs and labels are those of a source: each of them, and no other.

    Findings call the source by the name.
    """
    given = dict(zip(predictions.image_ids, predictions.labels.tolist(), strict=True))
    foreign = [image_id for image_id in given if image_id not in source.classes]
    missing = [image_id for image_id in source.classes if image_id not in given]
    wrong = [
        image_id
        for image_id, wnid in source.classes.items()
        if given.get(image_id) not in (None, classes.labels()[wnid])
    ]
    if foreign:
        yield fail(f"{_first(foreign)} not in {name}; evaluate on that")
    if missing:
        yield fail(f"{_first(missing)} in {name} but not answered; evaluate without limit")
    if wrong:
        wnid, label = source.classes[wrong[0]], classes.wnids()[given[wrong[0]]]
        yield fail(f"{_first(wrong)} of another class: {label}, but {wnid} in {name}")


def _first(image_ids: list[str]) -> str:
    first = ascii(image_ids[0][:_SHOWN])
    more = len(image_ids) - 1
    return f"{first} and {more} more photographs are" if more else f"photograph {first} is"

"""Tell whether an entry is ranked, and if it is not, why."""

from imagenetq.choices import RANKED_PRECISION
from imagenetq.entry import Entry
from imagenetq.evaluate.results.registered_sources import demonstration_of, is_registered
from imagenetq.selection import SAMPLE
from imagenetq.specification import scored_variants


def demonstration(source_digest: str | None, subset: str | None) -> str | None:
    """Say what makes results on a source a demonstration; None if the source is registered."""
    if is_registered(source_digest):
        return None
    if subset == SAMPLE:
        return "the embedded sample photographs, not ImageNet"
    if source_digest is None:
        return "its source is not known"
    return demonstration_of(source_digest) or f"its source ({source_digest[:12]}) is not registered"


def why_unranked(entry: Entry) -> list[str]:
    """List the reasons why an entry is not ranked, as parts of a sentence; empty if it is."""
    what = demonstration(entry.source_digest, entry.subset)
    reasons = [] if what is None else [f"a demonstration: {what}"]
    if entry.subset is None:
        reasons.append("it names no subset")
    if entry.precision != RANKED_PRECISION:
        reasons.append(f"computed in {entry.precision}, and only {RANKED_PRECISION} is ranked")
    if any(variant.name not in entry.variants for variant in scored_variants()):
        reasons.append("it was not evaluated on all scored variants")
    return reasons

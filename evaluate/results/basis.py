"""Say what numbers are based on, how far they can be trusted, and why an entry has no rank."""

from collections.abc import Sequence

from imagenetq.choices import RANKED_PRECISION
from imagenetq.entry import Entry
from imagenetq.errors import EntryError, UsageError
from imagenetq.evaluate.results.comparison import require_same_data
from imagenetq.evaluate.results.names import network_names
from imagenetq.evaluate.results.registered_sources import demonstration_of, is_registered
from imagenetq.evaluate.results.result import Result
from imagenetq.selection import SAMPLE
from imagenetq.specification import scored_variants
from imagenetq.words import counted


def require_one_dataset(results: Sequence[Result]) -> None:
    """Refuse results that do not belong in one figure, or contradict their predictions."""
    if not results:
        raise UsageError("no entries; name results folders, such as results/timm-vgg16")
    for result in results:
        for contradiction in result.contradictions():
            raise EntryError(f"{result.entry.model.name}: {contradiction}; evaluate it again")
        require_same_data(results[0], result)


def basis(results: Sequence[Result]) -> str:
    """Say which dataset, subset, photographs and precision results are of, and what to doubt."""
    entry = results[0].entry
    subset = f"subset {entry.subset}" if entry.subset else "no subset known"
    photographs = counted(entry.n_images, "photograph")
    precisions = [result.entry.precision for result in results]
    computed: str = precisions[0]
    if len(set(precisions)) > 1:
        pairs = zip(network_names(results), precisions, strict=True)
        computed = ", ".join(f"{precision} ({name})" for name, precision in pairs)
    data = f"ImageNet-Q {entry.dataset_version}, {subset}, {photographs}, computed in {computed}."
    doubt = doubt_about(entry)
    return data if doubt is None else f"{data} {doubt}"


def doubt_about(entry: Entry) -> str | None:
    """Say in a sentence why an entry is only a demonstration; None if its source is registered."""
    reason = demonstration(entry.source_digest, entry.subset)
    if reason is None:
        return None
    return f"A demonstration on {counted(entry.n_images, 'photograph')}: {reason}."


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
    doubt = demonstration(entry.source_digest, entry.subset)
    reasons = [] if doubt is None else [f"a demonstration: {doubt}"]
    if entry.subset is None:
        reasons.append("it names no subset")
    if entry.precision != RANKED_PRECISION:
        reasons.append(f"computed in {entry.precision}, and only {RANKED_PRECISION} is ranked")
    if any(variant.name not in entry.variants for variant in scored_variants()):
        reasons.append("it was not evaluated on all scored variants")
    return reasons

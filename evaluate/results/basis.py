"""Say beneath every figure what its numbers are based on and how far they can be trusted."""

from collections.abc import Sequence

from imagenetq.entry import Entry
from imagenetq.errors import EntryError, UsageError
from imagenetq.evaluate.results.comparison import require_same_data
from imagenetq.evaluate.results.names import network_names
from imagenetq.evaluate.results.result import Result
from imagenetq.evaluate.results.standing import demonstration
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
    said = f"ImageNet-Q {entry.dataset_version}, {subset}, {photographs}, {_precision(results)}."
    doubt = doubt_about(entry)
    return said if doubt is None else f"{said} {doubt}"


def doubt_about(entry: Entry) -> str | None:
    """Say in a sentence why an entry is only a demonstration; None if its source is registered."""
    what = demonstration(entry.source_digest, entry.subset)
    if what is None:
        return None
    return f"A demonstration on {counted(entry.n_images, 'photograph')}: {what}."


def _precision(results: Sequence[Result]) -> str:
    precisions = [result.entry.precision for result in results]
    if len(set(precisions)) == 1:
        return f"computed in {precisions[0]}"
    pairs = zip(network_names(results), precisions, strict=True)
    return "computed in " + ", ".join(f"{precision} ({name})" for name, precision in pairs)

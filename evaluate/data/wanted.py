"""Check that a dataset has what is asked of it."""

from collections.abc import Sequence

from imagenetq.errors import UsageError
from imagenetq.specification import Variant


def require_wanted(
    held: Sequence[Variant], wanted: Sequence[Variant], limit: int | None, name: str
) -> None:
    """Refuse variants that a dataset does not hold, and limits below 1.

    Args:
        held: variants that the dataset holds.
        wanted: variants that are asked for.
        limit: how many photographs to take at most; None takes all.
        name: what to call the dataset in an error.

    Raises:
        UsageError: a variant is not held, and the message names the first such; or the limit is
            below 1.
    """
    for variant in wanted:
        if variant not in held:
            families = ", ".join(dict.fromkeys(v.distortion for v in held))
            raise UsageError(
                f"{name}: holds no {variant.name}, only {len(held)} variants of {families}; "
                "ask for those, or build it with them"
            )
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} photographs; at least 1 is needed")

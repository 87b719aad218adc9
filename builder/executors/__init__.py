"""A function and units come in; results go out, of this machine's processes or a cluster's."""

from collections.abc import Callable

from imagenetq.builder.executors.base import Reporter, RunUnits, Work
from imagenetq.errors import UsageError

__all__ = ["EXECUTORS", "Reporter", "RunUnits", "Work", "open_executor"]


def _local() -> RunUnits:
    from imagenetq.builder.executors.local import run_units

    return run_units


def _ray() -> RunUnits:
    try:
        import ray  # noqa: F401
    except ImportError:
        raise UsageError(
            "--executor ray needs Ray, on every node: pip install 'imagenetq[ray]'"
        ) from None
    from imagenetq.builder.executors.ray import run_units

    return run_units


EXECUTORS: dict[str, Callable[[], RunUnits]] = {"local": _local, "ray": _ray}
"""What `--executor` takes."""


def open_executor(name: str) -> RunUnits:
    """Give the executor of a name, if its package is installed."""
    if name not in EXECUTORS:
        raise UsageError(f"no executor {name!r}; there are {', '.join(EXECUTORS)}")
    return EXECUTORS[name]()

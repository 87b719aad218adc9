"""Import a package's public names when they are first used, since some take seconds."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from imagenetq.extras import named_if_missing


def lazy_names(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Make a package's `__getattr__` of the public names in each of its modules."""

    def get(name: str) -> Any:
        for home, public in homes.items():
            if name in public:
                with named_if_missing():
                    return getattr(import_module(f"{package}.{home}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get

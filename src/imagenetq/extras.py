"""Tell which of this package's extras brings a package that is not installed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions

from imagenetq.errors import MissingPackage

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+).*extra == ['\"](?P<extra>\w+)['\"]")
_IMPORTED_AS = {"open_clip_torch": "open_clip", "scikit-image": "skimage"}


def missing(package: str) -> MissingPackage | None:
    """Make the error that says how to install an imported package; None if no extra brings it."""
    # An older installation's metadata, which may come first, need not know every extra.
    known = (line for one in distributions(name="imagenetq") for line in one.requires or ())
    for line in known:
        match = _REQUIREMENT.match(line)
        if match and _IMPORTED_AS.get(match["name"], match["name"]) == package:
            return MissingPackage(
                f"this needs {match['name']}, which is not installed; "
                f"pip install 'imagenetq[{match['extra']}]'"
            )
    return None


@contextmanager
def named_if_missing() -> Iterator[None]:
    """Name the extra to install if an import fails because an extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        explained = missing((error.name or "").partition(".")[0])
        if explained is None:
            raise
        raise explained from None

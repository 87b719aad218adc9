"""Makes the README's links absolute for package indexes, which show it away from the repository."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)[^)\s]+")
_PICTURES = (".jpg", ".png", ".svg")


def repository() -> str:
    """The repository's address, without a slash at its end."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Repository"]).rstrip("/")


def absolute(text: str, repository: str) -> str:
    """Markdown whose relative links lead to the repository's files, and pictures to their bytes."""

    def linked(match: re.Match[str]) -> str:
        kind = "raw" if match[0].endswith(_PICTURES) else "blob"
        return f"{repository}/{kind}/HEAD/{match[0]}"

    return _LINK.sub(linked, text)


if __name__ == "__main__":
    from setuptools import setup

    setup(
        long_description=absolute((ROOT / "README.md").read_text(encoding="utf-8"), repository()),
        long_description_content_type="text/markdown",
    )

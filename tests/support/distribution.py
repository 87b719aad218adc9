"""Compare what is published with `tests/distribution.toml`, which lists what it should hold."""

import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

LIST = Path(__file__).parents[1] / "distribution.toml"


def contents(archive: Path) -> set[str]:
    """The files of a wheel or an sdist, without the version in their paths."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = [name for name in wheel.namelist() if not name.endswith("/")]
    else:
        with tarfile.open(archive) as sdist:
            names = [member.name for member in sdist if not member.isdir()]
    return {re.sub(r"^imagenetq-[^/]*?(?=\.dist-info/|/)", "imagenetq", name) for name in names}


def differences(archive: Path) -> list[str]:
    """What a wheel or an sdist holds that is not listed, and what is listed that it lacks."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))
    patterns = listed["wheel" if archive.suffix == ".whl" else "sdist"]
    return compare(contents(archive), patterns)


def compare(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Compare names with patterns, in which `*` is any part of a file's or folder's name."""
    rules = {
        pattern: re.compile(re.escape(pattern).replace(r"\*", "[^/]*")) for pattern in patterns
    }
    names = sorted(names)
    foreign = [name for name in names if not any(rule.fullmatch(name) for rule in rules.values())]
    missing = [pattern for pattern, rule in rules.items() if not any(map(rule.fullmatch, names))]
    return [f"not listed: {name}" for name in foreign] + [f"missing: {name}" for name in missing]

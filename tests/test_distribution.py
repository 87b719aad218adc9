"""What is published: the sdist, the wheel, the lock and the container hold what they should."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import environments
import imagenetq
from distribution import compare, contents, differences

ROOT = environments.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = {
    "src/imagenetq": "imagenetq",
    "builder": "imagenetq/builder",
    "evaluate": "imagenetq/evaluate",
}


def make(kind: str, folder: Path, out: Path) -> Path:
    """Build an sdist or a wheel from a folder, as `make dist` does, without a new environment."""
    code = f"from setuptools import build_meta as b; import sys; b.build_{kind}(sys.argv[1])"
    out.mkdir()
    command = [sys.executable, "-c", code, out]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (archive,) = out.iterdir()
    return archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as whoever has the sdist alone makes it."""
    folder = tmp_path_factory.mktemp("dist")
    sources = environments.sources(folder / "sources")
    (sources / "tests").mkdir()
    shutil.copy(__file__, sources / "tests")
    sdist = make("sdist", sources, folder / "sdist")
    assert differences(sdist) == []
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return make("wheel", next((folder / "unpacked").iterdir()), folder / "wheel")


def test_sdist_and_wheel_hold_what_is_listed(wheel: Path) -> None:
    assert differences(wheel) == []


def test_every_module_is_published(wheel: Path) -> None:
    modules = {
        f"{name}/{path.relative_to(ROOT / room).as_posix()}"
        for room, name in ROOMS.items()
        for path in (ROOT / room).rglob("*.py")
    }
    assert {name for name in contents(wheel) if name.endswith(".py")} == modules


def test_what_is_foreign_and_what_is_missing_is_named() -> None:
    found = compare(["a/b.py", "a/c/d.py", "secret.txt"], ["a/*.py", "LICENSE", "a/*/e.py"])
    assert found == [
        *("not listed: a/c/d.py", "not listed: secret.txt"),
        *("missing: LICENSE", "missing: a/*/e.py"),
    ]


def test_the_container_has_all_that_the_package_needs(wheel: Path, tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [line.split()[1:] for line in text.splitlines() if line.startswith("COPY ")]
    for *sources, target in copied:
        for source in sources:
            place = tmp_path / "source" / target / ("" if (ROOT / source).is_dir() else source)
            if target.endswith("/") and "/" in source:
                place = tmp_path / "source" / target / Path(source).name
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, place, symlinks=True, ignore=ignored)
            else:
                shutil.copy(ROOT / source, place, follow_symlinks=False)
    assert contents(make("wheel", tmp_path / "source", tmp_path / "wheel")) == contents(wheel)
    ignored_but = re.findall(r"(?m)^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"))
    assert sorted(ignored_but) == sorted(source for *sources, _ in copied for source in sources)


def test_the_container_is_pinned_and_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^FROM (.*)$", text) == ["nvidia/cuda:12.8.1-runtime-ubuntu24.04"]
    user, entry = text.index("\nUSER 10001\n"), text.index('\nENTRYPOINT ["imagenetq"]\n')
    assert text.index("pip install '.[eval]'") < user < entry
    assert f"--uid {10001} " in text


@cache
def locked() -> list[dict[str, Any]]:
    return tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]


def test_the_lock_is_of_what_the_package_requires() -> None:
    (own,) = [package for package in locked() if package["name"] == PROJECT["name"]]
    stated: dict[tuple[str, str], set[str]] = {}
    groups = {"": PROJECT["dependencies"]} | PROJECT["optional-dependencies"]
    for extra, lines in groups.items():
        for requirement in map(Requirement, lines):
            if requirement.name != PROJECT["name"]:
                key = (canonicalize_name(requirement.name), extra)
                stated[key] = set(str(requirement.specifier).split(","))
    recorded = {
        (line["name"], extra): set(line.get("specifier", "").split(","))
        for line in own["metadata"]["requires-dist"]
        if line["name"] != PROJECT["name"]
        for extra in re.findall(r"extra == '(.*?)'", line.get("marker", "")) or [""]
    }
    # `make lock` writes it again.
    assert recorded == stated


def test_the_lock_names_public_hosts_only() -> None:
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert set(re.findall(r"\b\w+://[^/\"]+", text)) == {
        "https://files.pythonhosted.org",
        "https://pypi.org",
    }
    assert all(
        package["source"] in ({"registry": "https://pypi.org/simple"}, {"editable": "."})
        for package in locked()
    )


def test_the_version_is_stated_once() -> None:
    assert "version" in PROJECT["dynamic"]
    stated = (ROOT / "src" / "imagenetq" / "__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{imagenetq.__version__}"' in stated


def test_classifiers_name_the_pythons_that_are_tried() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    (tried,) = re.findall(r"python: \[(.*)\]", workflow)
    assert re.findall(r'"(.*?)"', tried) == named
    assert PROJECT["requires-python"] == f">={named[0]}"

"""What contributors meet first agrees with the project: workflows, hooks, templates, addresses."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
_ADDRESS = re.compile(
    r"https://(?:github\.com/[\w.-]+/imagenet-q\b|[\w.-]+\.github\.io/imagenet-q\b)[\w./-]*"
)
_TEXTS = {".cff", ".html", ".ipynb", ".js", ".md", ".py", ".toml", ".yaml", ".yml"}


def read(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


def test_hooks_are_the_parts_of_make_check() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (parts,) = re.findall(r"(?m)^check: (.*)$", makefile)
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == [f"make {p}" for p in parts.split()]
    for part in parts.split():
        assert re.search(rf"(?m)^{part}: .*\n\t", makefile)


def test_hosted_ci_runs_what_every_change_must_pass() -> None:
    commands = [step.get("run", "") for step in steps(ROOT / ".github" / "workflows" / "ci.yml")]
    assert any(command.endswith("bash .ci/run") for command in commands)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in script if line.startswith("make ")] == [
        *("make clean", "make check", "make dist", "make lowest", "make test")
    ]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_get_no_rights_by_default(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in used)
    described = read(workflow)
    assert described["permissions"] == {}
    for job in described["jobs"].values():
        assert {"permissions", "timeout-minutes"} <= job.keys()


def test_a_release_is_published_without_a_password() -> None:
    workflow = ROOT / ".github" / "workflows" / "release.yml"
    jobs = read(workflow)["jobs"]
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["steps"][-1]["with"] == {"attestations": True}
    assert "secrets." not in workflow.read_text(encoding="utf-8")


def test_every_address_is_the_projects() -> None:
    assert URLS["Issues"] == f"{URLS['Repository']}/issues"
    assert URLS["Changelog"] == f"{URLS['Repository']}/blob/main/CHANGELOG.md"
    owner = URLS["Repository"].split("/")[3]
    assert URLS["Documentation"] == f"https://{owner}.github.io/imagenet-q/"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    places = [ROOT / name for name in listed if Path(name).suffix in _TEXTS]
    allowed = (URLS["Repository"], URLS["Documentation"].rstrip("/"))
    foreign = [
        f"{path.relative_to(ROOT)}: {address}"
        for path in places
        if path.is_file()
        for address in _ADDRESS.findall(path.read_text(encoding="utf-8"))
        if not address.startswith(allowed)
    ]
    assert foreign == []

"""What the documents promise is there: no gaps, no commands or files that do not exist."""

import re
from pathlib import Path

import pytest

from imagenetq.cli import app

ROOT = Path(__file__).parents[1]
_DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/render.md", "docs/streaming.md"]
_COMMAND = re.compile(r"\bimagenetq ([a-z][a-z-]*)")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def test_the_readme_has_no_gaps() -> None:
    assert "@@" not in text_of("README.md")


def test_every_command_in_the_readme_exists() -> None:
    commands = {
        command.name or getattr(command.callback, "__name__", "")
        for command in app.registered_commands
    } | {group.name for group in app.registered_groups}
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", text_of("README.md"), re.DOTALL)
    named = {name for parts in code for part in parts for name in _COMMAND.findall(part)}
    assert {"build", "verify", "spec", "preview"} <= named
    assert named <= commands


@pytest.mark.parametrize("document", _DOCUMENTS)
def test_every_relative_link_leads_to_a_file(document: str) -> None:
    targets = [match["target"] for match in _LINK.finditer(text_of(document))]
    lost = [
        target
        for target in targets
        if not re.match(r"[a-z]+:|#", target) and not (ROOT / target.partition("#")[0]).exists()
    ]
    assert lost == []

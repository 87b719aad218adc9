"""Every command that a document shows is one that the command line takes."""

import re
import shlex
from collections.abc import Iterator

import pytest
import typer.main

from documents import DOCUMENTS, ROOT, fences, prose, text_of
from imagenetq.cli import app

CLI = typer.main.get_command(app)
ELSEWHERE = {"--gpus", "--shm-size", "--user"}
"""Options of other programs that the text names."""


def shown(line: str) -> Iterator[list[str]]:
    """The `imagenetq` commands in a line of shell, those in another's arguments too."""
    words = shlex.split(line, comments=True)
    for place, word in enumerate(words):
        if word == "imagenetq":
            rest = words[place + 1 :]
            if rest == ["."]:
                continue  # The name of a container's image.
            yield rest
            return
        if word.startswith("imagenetq "):
            yield from shown(word)


def commands() -> list[tuple[str, str]]:
    lines = []
    for fence in fences("sh"):
        for line in fence.text.replace("\\\n", " ").splitlines():
            lines += [(fence.document, line)] if "imagenetq" in line else []
    return lines


def parse(words: list[str]) -> None:
    """Parse as the command line does, without running anything."""
    command, names = CLI, ["imagenetq"]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, words
        names.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    if words not in (["--help"], ["--version"]):
        command.make_context(" ".join(names), list(words))


@pytest.mark.parametrize(("document", "line"), commands())
def test_a_command_is_taken_as_it_is_shown(document: str, line: str) -> None:
    del document
    found = [*shown(line)]
    assert found or re.match("pip install|docker build", line)
    for words in found:
        parse(words)


def test_every_command_is_shown_somewhere() -> None:
    everything = "\n".join(line for _, line in commands())
    for name, command in CLI.commands.items():
        for part in getattr(command, "commands", {"": None}):
            assert f"imagenetq {name} {part}".strip() in everything


def test_every_option_in_a_text_exists() -> None:
    known = {*ELSEWHERE, "--help"}
    waiting = [CLI]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        known |= {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
    for document in DOCUMENTS:
        if document in ("benchmarks/README.md", "docs/performance.md", "docs/training.md"):
            continue  # Options of the benchmarks and the examples.
        named = set()
        for code in re.findall(r"`([^`\n]+)`", prose(document)):
            if code.startswith(("--", "imagenetq ")):
                named |= set(re.findall(r"(?<!\S)--[a-z][a-z-]+", code))
        assert named <= known, document


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))
    code = [fence.text for fence in fences("sh")]
    for document in DOCUMENTS:
        code += re.findall(r"`([^`\n]+)`", prose(document))
    named = {name for text in code for name in re.findall(r"^make ([a-z-]+)", text, re.M)}
    assert {"demo", "test", "docs"} <= named <= targets
    assert (ROOT / "docs" / "run_notebook.py").is_file()

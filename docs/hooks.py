"""What MkDocs does not do by itself: the repository's other documents, the notebook, the links.

Links in all documents are those of the repository, so that they work where it is browsed, too.
"""

import base64
import json
import posixpath
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "dataset_card.md": "dataset-card.md",
    "docs/quickstart.ipynb": "notebook.md",
    "leaderboard/README.md": "leaderboard-entries.md",
}
"""Pages that are not Markdown files in `docs/`: from the repository's path to the site's."""

_PACKAGE = {"": "src/imagenetq", "builder": "builder", "evaluate": "evaluate"}
_LINK = re.compile(r"(?P<before>\]\(|^\[[^\]]+\]: )(?P<target>[^)\s#]+)(?=[)#\s])", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_IMAGES = {"image/png": "png", "image/jpeg": "jpg"}


def repository() -> str:
    """The repository's address, as the package states it."""
    return str(runpy.run_path(str(ROOT / "setup.py"))["repository"]())


def on_startup(*, command: str, dirty: bool) -> None:
    """Lay out the package as it is imported, which `pyproject.toml` maps from three folders."""
    del command, dirty
    package = ROOT / ".cache" / "docs" / "imagenetq"
    shutil.rmtree(package, ignore_errors=True)
    for name, folder in _PACKAGE.items():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, package / name, ignore=ignored, dirs_exist_ok=True)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Link the repository; not by `repo_url`, with which every page would ask GitHub for stars."""
    link = {"icon": "fontawesome/brands/git-alt", "link": repository(), "name": "Source"}
    config.extra["social"] = [link]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere."""
    for source, page in ELSEWHERE.items():
        path = ROOT / source
        if path.suffix == ".ipynb":
            text, pictures = notebook_page(json.loads(path.read_text(encoding="utf-8")))
            for name, data in pictures.items():
                files.append(File.generated(config, name, content=data))
        else:
            text = path.read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text, inclusion=InclusionLevel.INCLUDED))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between the repository's files into links between pages."""
    del config, files
    here = page.file.src_uri
    sources = {page: source for source, page in ELSEWHERE.items()}
    folder = posixpath.dirname(sources.get(here, f"docs/{here}"))

    def linked(match: re.Match[str]) -> str:
        target = match["target"]
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, target))
        uri = ELSEWHERE.get(path, path.removeprefix("docs/"))
        if path not in ELSEWHERE and not path.startswith("docs/"):
            if not (ROOT / path).exists():
                return match[0]  # MkDocs names it.
            return f"{match['before']}{repository()}/blob/HEAD/{path}"
        return match["before"] + posixpath.relpath(uri, posixpath.dirname(here) or ".")

    return _outside_code(markdown, linked)


def _outside_code(markdown: str, linked: Any) -> str:
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(linked, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(linked, markdown[end:])])


def notebook_page(notebook: dict[str, Any]) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by their names on the site."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [_output(output, pictures) for output in cell["outputs"]]
    return "\n\n".join(parts) + "\n", pictures


def _output(output: dict[str, Any], pictures: dict[str, bytes]) -> str:
    data = output.get("data", {})
    for kind, suffix in _IMAGES.items():
        if kind in data:
            name = f"assets/notebook-{len(pictures) + 1}.{suffix}"
            pictures[name] = base64.b64decode("".join(data[kind]))
            return f"![Output of the cell above](../docs/{name})"
    if "text/html" in data:
        return f'<div class="output">{"".join(data["text/html"])}</div>'
    text = "".join(output.get("text") or data.get("text/plain", ""))
    return f"```text {{ .output }}\n{text.rstrip()}\n```"

"""The texts that the code can print, with `…` where something is filled in."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILLED = "…"
_ROOMS = {
    "imagenetq.builder": "builder",
    "imagenetq.evaluate": "evaluate",
    "imagenetq": "src/imagenetq",
}


@cache
def templates() -> frozenset[str]:
    """Every text of the package's code, each on one line; constants stand for what they hold."""
    found = set()
    for folder in _ROOMS.values():
        for path in (ROOT / folder).rglob("*.py"):
            tree, constants = _parsed(path)
            found |= {" ".join(text.split()) for text in _texts(tree, constants)}
    return frozenset(found)


@cache
def _parsed(path: Path) -> tuple[ast.Module, dict[str, str]]:
    """A module, and its constants that are texts or numbers; imported ones, too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name for alias in node.names if alias.name.isupper()}
            source = _file_of(node.module) if names else None
            if source is not None:
                theirs = _parsed(source)[1]
                constants |= {name: theirs[name] for name in names & theirs.keys()}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = _text(node.value, constants)
            if text is not None:
                constants[node.targets[0].id] = text
    return tree, constants


def _file_of(module: str) -> Path | None:
    for room, folder in _ROOMS.items():
        if f"{module}.".startswith(f"{room}."):
            path = ROOT / folder / module.removeprefix(room).strip(".").replace(".", "/")
            return next(
                (p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None
            )
    return None


def _texts(tree: ast.Module, constants: dict[str, str]) -> Iterator[str]:
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = None if id(node) in statements else _text(node, constants)
        if text is not None:
            yield text


def _text(node: ast.AST, constants: dict[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str() | int()):
            return str(node.value)
        case ast.Name():
            return constants.get(node.id)
        case ast.FormattedValue(format_spec=None):
            return _text(node.value, constants)
        case ast.JoinedStr():
            return "".join(_text(value, constants) or FILLED for value in node.values)
        case ast.BinOp(op=ast.Add()):
            parts = [_text(side, constants) for side in (node.left, node.right)]
            return None if parts == [None, None] else "".join(part or FILLED for part in parts)
    return None

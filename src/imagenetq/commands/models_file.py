"""Read models from a file that has one a line, with its options as on the command line."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from imagenetq.commands.options import ModelOptions, spliced
from imagenetq.errors import UsageError

if TYPE_CHECKING:
    from imagenetq.evaluate import Listed

_ParserError: type[Exception] = typer.BadParameter.__mro__[1]
"""Usage error of the parser itself, whose module differs among Typer's versions."""


def read_models(path: Path) -> "list[Listed]":
    """Read a file's models, one a line, such as `timm/resnet50 --weights x.safetensors --mean 0.5`.

    What follows a # is a comment.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; give a file with a model a line, such as timm/resnet50"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text in UTF-8; give a model a line") from None
    models = [
        listed
        for number, line in enumerate(lines, 1)
        for listed in _listed(line, f"{path}, line {number}")
    ]
    if not models:
        raise UsageError(f"{path}: no model in it; give one a line, such as timm/resnet50")
    return models


def _listed(line: str, line_name: str) -> "list[Listed]":
    """Parse the model of a line; gives an empty list if there is nothing on it."""
    models: list[Listed] = []
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": []})

    @app.command()
    @spliced
    def take(
        options: ModelOptions,
        name: Annotated[str, typer.Argument(metavar="SOURCE/NAME", show_default=False)],
    ) -> None:
        from imagenetq.evaluate import Listed

        models.append(Listed(name, options.load_options(), line_name))

    try:
        words = shlex.split(line, comments=True)
        if words:
            get_command(app).main(words, prog_name="", standalone_mode=False)
    except (ValueError, UsageError) as error:  # A quote that is not closed is a ValueError.
        raise UsageError(f"{line_name}: {error}") from None
    except _ParserError as error:
        reason = getattr(error, "format_message", error.__str__)()
        raise UsageError(f"{line_name}: {' '.join(reason.split())}") from None
    return models

"""Define what commands share: how they end, and the options that several have."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, NoReturn, ParamSpec

import typer

from imagenetq.choices import Subset
from imagenetq.errors import ImagenetqError, UsageError, WorkerError
from imagenetq.extras import named_if_missing

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

SOURCE_HELP = (
    "ImageNet's validation photographs: a folder of class folders; a flat folder or tar "
    "with the development kit or LOC_val_solution.csv beside it; Tiny ImageNet; "
    "hf:ILSVRC/imagenet-1k; or sample."
)
DATA, MODEL, RUN, OUTPUT = "Data", "Model", "How to run", "Output"
"""Headings of the groups of options in a command's help."""


def option(text: str, *flags: str, panel: str | None = None, **more: Any) -> Any:
    """Describe an option by its help, its flags unless its name gives them, and its heading."""
    return typer.Option(*flags, help=text, rich_help_panel=panel, **more)


Workers = Annotated[
    int | None, option("Worker processes; one a core if not given.", panel=RUN, min=1)
]
Json = Annotated[bool, option("Print the result as JSON.", "--json", panel=OUTPUT)]
Only = Annotated[str | None, option("Distortions and variants, such as blur,jpeg-10.", panel=DATA)]
SubsetOption = Annotated[
    Subset | None,
    option(
        "Of the source: full is 10 photographs a class (default), mini 1, sample the embedded "
        "ones.",
        "--subset",
        panel=DATA,
    ),
]
AllowShort = Annotated[
    bool,
    option(
        "Of the source: take classes with too few photographs, and record them.",
        "--allow-short",
        panel=DATA,
    ),
]
SkipBad = Annotated[
    bool,
    option(
        "Of the source: leave unreadable photographs out, and record them.",
        "--skip-bad",
        panel=DATA,
    ),
]

_Parameters = ParamSpec("_Parameters")


def explains_errors(command: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Let a command end with one line and the right status instead of a traceback."""

    @wraps(command)
    def explained(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            with named_if_missing():
                command(*args, **kwargs)
        except UsageError as error:
            end(str(error), WRONG_USAGE)
        except BrokenPipeError:
            # Whoever reads our output, such as `head`, has read enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except WorkerError as error:
            if _wants_traceback():
                raise
            end(f"{error}; IMAGENETQ_TRACEBACK=1 shows the whole traceback", FAILED)
        except ImagenetqError as error:
            end(" ".join(str(error).split()), FAILED)
        except OSError as error:
            text = str(error)
            if error.filename is not None:
                text = (
                    f"{error.filename}: {error.strerror}; mend that, and run the same command again"
                )
            end(" ".join(text.split()), FAILED)
        except KeyboardInterrupt:
            end("interrupted", INTERRUPTED)
        except typer.Exit:
            raise
        except Exception as error:
            if _wants_traceback():
                raise
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            end(f"{reason} (a defect; IMAGENETQ_TRACEBACK=1 shows where)", FAILED)

    return explained


def _wants_traceback() -> bool:
    return bool(os.environ.get("IMAGENETQ_TRACEBACK"))


def names(text: str | None) -> list[str] | None:
    """Split a list given as one word at its commas; None if it was not given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def note(line: str) -> None:
    """Tell the user something beside the result, on standard error."""
    print(line, file=sys.stderr)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and what is to be said of each, in two columns even on a narrow terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        width = max(map(len, facts))
        print("".join(f"{name:{width}}  {fact}\n" for name, fact in facts.items()), end="")
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for name, fact in facts.items():
        table.add_row(Text(name), Text(fact))
    console.print(table)


def end(line: str, status: int) -> NoReturn:
    """End the command with one line and an exit status."""
    note(f"imagenetq: {line}")
    raise typer.Exit(status)

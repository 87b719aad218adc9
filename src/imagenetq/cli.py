"""The front door: the command line `imagenetq`."""

import signal
from types import FrameType
from typing import NoReturn

import typer

from imagenetq.commands import (
    building,
    evaluating,
    hub_results,
    leaderboard,
    publishing,
    reporting,
)

app = typer.Typer(
    help="ImageNet-Q: how image quality affects image classifiers, with the same pixels for all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("build")(building.build)
app.command("verify")(building.verify)
app.command("push")(publishing.push)
app.command("spec")(building.spec)
app.command("preview")(building.preview)
app.command("eval")(evaluating.evaluate)
app.command("compare")(evaluating.compare)
app.command("models")(evaluating.models)
app.command("report")(reporting.report)
app.command("eval-results")(hub_results.eval_results)
app.command("submit")(leaderboard.submit)
app.add_typer(leaderboard.app, name="leaderboard")


def main() -> None:
    """Run the command line; a polite kill ends a command as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)
    app()


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()

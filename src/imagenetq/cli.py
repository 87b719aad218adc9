"""Put the command line `imagenetq` together from its commands."""

import atexit
import gc
import signal
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from imagenetq.commands import (
    building,
    evaluating,
    hub_results,
    leaderboard,
    publishing,
    rendering,
    reporting,
    scoring,
    submitting,
    tabulating,
)

app = typer.Typer(
    help="ImageNet-Q: how image quality affects image classifiers, with the same pixels for all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from imagenetq.provenance import code_version

        print(f"imagenetq {code_version()}")
        raise typer.Exit


@app.callback()
def _imagenetq(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Handle the options that stand before a command."""


app.command("build")(building.build)
app.command("render")(rendering.render)
app.command("verify")(building.verify)
app.command("push")(publishing.push)
app.command("spec")(building.spec)
app.command("preview")(building.preview)
app.command("eval")(evaluating.evaluate)
app.command("score")(scoring.score)
app.command("results")(tabulating.results)
app.command("compare")(scoring.compare)
app.command("models")(evaluating.models)
app.command("report")(reporting.report)
app.command("eval-results")(hub_results.eval_results)
app.command("submit")(submitting.submit)
app.add_typer(leaderboard.app, name="leaderboard")


def main() -> None:
    """Run the command line; SIGTERM ends a command as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A path that is no UTF-8 is printed byte for byte, so that a shell can use it.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")
    # Registered first, so it runs last. Without it, Python would search PyTorch's objects for
    # garbage for seconds, although the process ends and frees all of them anyway.
    atexit.register(gc.freeze)
    app()


if __name__ == "__main__":
    main()

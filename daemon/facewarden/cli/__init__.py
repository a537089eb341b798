"""The `facewarden` command. Only `detect` and `explain` print file names; all else speaks in counts and reasons."""

from __future__ import annotations

from typing import Annotated

import typer

from facewarden import __version__
from facewarden.cli import deciding, direct, doctor, measure, reconciling, reporting, selftest, state, watching

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print values, which are file names
    no_args_is_help=True,
    help="Hide every face in the photos dropped into a folder. Offline, sandboxed, logging nothing about anyone.",
)
app.command()(watching.run)
app.command()(watching.once)
app.command()(direct.redact)
app.command()(direct.detect)
app.command()(measure.evaluate)
app.command()(watching.check)
app.command()(state.status)
app.command()(deciding.explain)
app.command()(deciding.retry)
app.command()(deciding.release)
app.command()(deciding.forget)
app.command()(reconciling.reconcile)
app.command()(doctor.doctor)
app.command()(reporting.report)
app.command()(watching.sample_config)
app.add_typer(selftest.app, name="selftest")


def main() -> None:
    """Run the command line; ends the process with an exit code of `errors.Exit`."""
    app()


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"facewarden {__version__}")
        raise typer.Exit

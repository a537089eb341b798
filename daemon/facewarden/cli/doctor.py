"""`doctor`: probes a folder and prints the configuration for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape

from facewarden.checks.folder import advise, probe
from facewarden.cli.terminal import errors_to
from facewarden.errors import Exit

MARKS = {"fine": "[green]ok[/]", "warning": "[yellow]warning[/]", "fault": "[red]fault[/]"}


def doctor(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is to be an inbox or an outbox.")],
) -> None:
    """Try what a folder can do (events, renames, locks, times, space) and print the configuration for it; 1 if it cannot serve.

    Files are made for it in a hidden subfolder, and removed.
    """
    found = []
    for trial in probe(folder):
        found.append(trial)
        errors_to.print(
            f"{MARKS[trial.kind]:>20}  {escape(trial.what)}: {escape(trial.found)}", highlight=False, soft_wrap=True
        )
    if any(trial.kind == "fault" for trial in found):
        raise typer.Exit(Exit.SOME_FAILED)
    advice = advise(found)
    keys = {"watch": advice.watch, "settle": advice.settle, "scan_every": advice.scan_every}
    inbox = {"name": "photos", "path": str(folder.absolute()), "outbox": str(folder.absolute()) + "-out", **keys}
    Console(soft_wrap=True).print(
        yaml.safe_dump({"inboxes": [inbox]}, sort_keys=False, allow_unicode=True), end="", markup=False, highlight=False
    )

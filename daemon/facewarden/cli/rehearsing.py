"""`once --dry-run`: what would become of each file. Prints file names, as `detect` does."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import typer

from facewarden import config
from facewarden.cli.terminal import configured, errors_to, plain, summary, told_plainly, workers_for
from facewarden.errors import Exit
from facewarden.intake.doors import doors
from facewarden.treat.rehearsal import Rehearsed, rehearse

SAID = {
    "published": "would be delivered",
    "held": "would be held",
    "quarantined": "would be quarantined",
    "done": "has been done",
    "left": "would be left alone: it has a second name (a hard link)",
}


def rehearse_all(file: Path) -> None:
    """Print a line for each file in the inboxes; 1 if one would be quarantined or a folder is out of reach."""
    counts: Counter[str] = Counter()
    failing = 0
    with told_plainly():
        configuration = configured(file)
        doors(configuration)  # who may not see the journal is told before workers take their time
        with workers_for(1, 1, config.terms_of(configuration)) as pool:
            try:
                for rehearsed in rehearse(configuration, pool):
                    counts[SAID[rehearsed.outcome].partition(":")[0]] += 1
                    typer.echo(_line(rehearsed))
            except OSError as error:
                failing = 1
                errors_to.print(f"a folder is out of reach: {os.strerror(error.errno or 0)}", highlight=False)
    summary(counts, failing)
    if failing or counts[SAID["quarantined"]]:
        raise typer.Exit(Exit.SOME_FAILED)


def _line(rehearsed: Rehearsed) -> str:
    name = os.fsencode(rehearsed.path).decode("utf-8", "backslashreplace")
    said = f"{rehearsed.inbox}: {plain(name)}: {SAID[rehearsed.outcome]}"
    if rehearsed.reason:
        return f"{said}, reason {rehearsed.reason.number} ({rehearsed.reason.name})"
    return f"{said}, {rehearsed.regions} areas" if rehearsed.outcome in ("published", "held") else said

"""`explain`, `retry`, `release` and `forget`: what an operator asks and decides about single photos. `explain` prints names."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from facewarden import config
from facewarden.cli.terminal import DEFAULT_FILE, ConfigurationFile, configured, errors_to, plain, told_plainly
from facewarden.decide.alone import NotThereError
from facewarden.decide.explain import NothingKnownError
from facewarden.decide.explain import explain as explained
from facewarden.decide.find import Found, find, quarantined
from facewarden.decide.forget import forget_old
from facewarden.decide.release import release as released
from facewarden.decide.release import tidy_released
from facewarden.decide.retry import retry as retried
from facewarden.errors import Exit

Decide = Callable[[config.Configuration, Found], None]


def explain(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file in an inbox, outbox, hold or quarantine folder.")
    ],
    file: ConfigurationFile = DEFAULT_FILE,
) -> None:
    """Tell why a file is where it is, and what can be done; 1 if nothing is known of it. Prints file names."""
    with told_plainly():
        try:
            lines, code = explained(configured(file), path), Exit.FINE
        except NothingKnownError as nothing:
            lines, code = [str(nothing)], Exit.SOME_FAILED
        except OSError as error:
            _out_of_reach(error)
    for line in lines:
        typer.echo(plain(line))
    raise typer.Exit(code)


def retry(
    what: Annotated[
        str, typer.Argument(metavar="ID|PATH", help="A job's id, or a quarantined file.", show_default=False)
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Retry all that is in quarantine.")] = False,
    file: ConfigurationFile = DEFAULT_FILE,
) -> None:
    """Have quarantined photos taken again: they go back into their inbox; 1 if one could not."""
    if bool(what) == everything:
        raise typer.BadParameter("name one job or file, or give --all")
    with told_plainly():
        configuration = configured(file)
        chosen = quarantined(configuration) if everything else find(configuration, what)
        chosen = [
            found for found in chosen if found.job.outcome == "quarantined" and found.job.state in ("done", "retrying")
        ]
        _decide(configuration, chosen if everything else chosen[-1:], retried, "retried", fine_if_none=everything)


def release(
    what: Annotated[str, typer.Argument(metavar="ID|PATH", help="A job's id, or a held result.")],
    file: ConfigurationFile = DEFAULT_FILE,
) -> None:
    """Deliver a held result that you have looked at: it moves into the outbox."""
    with told_plainly():
        configuration = configured(file)
        tidy_released(configuration, configuration.inboxes)
        chosen = [
            found for found in find(configuration, what) if found.job.outcome == "held" and found.job.state == "done"
        ]
        _decide(configuration, chosen[-1:], released, "released", fine_if_none=False)


def forget(
    days: Annotated[
        float | None,
        typer.Option(min=0, help="Forget jobs that ended so long ago; by default journal_days.", show_default=False),
    ] = None,
    file: ConfigurationFile = DEFAULT_FILE,
) -> None:
    """Remove old rows from the journal, names and all; those of photos that still stand in an inbox or are held stay."""
    with told_plainly():
        configuration = configured(file)
        limit = configuration.journal_days if days is None else days
        if limit is None:
            raise typer.BadParameter("journal_days is null: give --days")
        forgotten = forget_old(configuration, limit, time.time())
    typer.echo(f"{forgotten.count} forgotten")
    for inbox, error in forgotten.out_of_reach.items():
        said = f"inbox {inbox}: a folder is out of reach: {error.strerror}; its rows were kept"
        errors_to.print(said, highlight=False, markup=False, soft_wrap=True)
    if forgotten.out_of_reach:
        raise typer.Exit(Exit.SOME_FAILED)


def _decide(
    configuration: config.Configuration, chosen: list[Found], decide: Decide, done: str, *, fine_if_none: bool
) -> None:
    """Carry out a decision for each; those that cannot be are told by their job."""
    failed = 0
    for found in chosen:
        try:
            decide(configuration, found)
        except NotThereError:
            failed += 1
            errors_to.print(f"job {found.job.id}: its file is no longer where it was put", highlight=False)
        except OSError as error:
            failed += 1
            errors_to.print(f"job {found.job.id}: {os.strerror(error.errno or 0)}", highlight=False)
    nothing = not (chosen or fine_if_none)
    if nothing:
        errors_to.print(f"nothing of that id or path is left to be {done}: somebody decided before, or it never waited")
    typer.echo(f"{len(chosen) - failed} {done}")
    if failed or nothing:
        raise typer.Exit(Exit.SOME_FAILED)


def _out_of_reach(error: OSError) -> NoReturn:
    errors_to.print(f"a folder is out of reach: {error.strerror}", highlight=False)
    raise typer.Exit(Exit.SOME_FAILED)

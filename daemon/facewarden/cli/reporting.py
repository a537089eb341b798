"""`report`: what became of the photos, day by day, for whoever must account for it."""

from __future__ import annotations

import datetime
import json
import os
from typing import Annotated

import typer

from facewarden import config
from facewarden.audit import ledger
from facewarden.audit.daybook import Daybook, daybook
from facewarden.audit.page import as_csv, as_page
from facewarden.cli.terminal import DEFAULT_FILE, ConfigurationFile, configured, errors_to, told_plainly
from facewarden.errors import Exit


def report(
    since: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Begin with this day; by default 30 days ago."),
    ] = None,
    page: Annotated[bool, typer.Option("--html", help="Print a page that stands alone.")] = False,
    rows: Annotated[bool, typer.Option("--csv", help="Print a row for each day and inbox.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything; so it does where no form is chosen.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Only check that no day was changed; 1 if one was.")] = False,
    file: ConfigurationFile = DEFAULT_FILE,
) -> None:
    """Account for what became of the photos: counts, reasons, settings, weights; no names, no pictures.

    Days that have ended are chained by hash in the state folder; the day that runs is added as it stands.
    """
    if page + rows + as_json + verify > 1:
        raise typer.BadParameter("choose one of --html, --csv, --json and --verify")
    with told_plainly():
        configuration = configured(file)
        try:
            if verify:
                _verify(configuration)
                return
            today = ledger.today()
            first = since.date() if since else datetime.date.fromisoformat(today) - datetime.timedelta(days=30)
            book = daybook(configuration, today, first.isoformat())
        except OSError as error:
            errors_to.print(f"the ledger cannot be read: {os.strerror(error.errno or 0)}", highlight=False)
            raise typer.Exit(Exit.CANNOT_START) from None
    _print(book, page=page, rows=rows)


def _verify(configuration: config.Configuration) -> None:
    written: list[ledger.Entry] = []
    try:
        written = ledger.read(configuration.state)
        fault = ledger.first_fault(written)
    except ValueError:
        fault = "a line that is no entry"
    if fault:
        errors_to.print(f"the chain is broken at {fault}", highlight=False, markup=False)
        raise typer.Exit(Exit.SOME_FAILED)
    typer.echo(f"{len(written)} days, whole; newest hash {written[-1]['hash'] if written else 'none'}")


def _print(book: Daybook, *, page: bool, rows: bool) -> None:
    if page:
        typer.echo(as_page(book), nl=False)
    elif rows:
        typer.echo(as_csv(book.days), nl=False)
    else:
        told = {"whole": book.fault is None, "broken_at": book.fault, "newest_hash": book.newest or None}
        typer.echo(json.dumps(told | {"days": book.days}, indent=2))

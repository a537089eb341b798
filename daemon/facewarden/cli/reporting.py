"""`report`: what became of the photos, day by day, for whoever must account for it."""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Any

import typer

from facewarden import ledger, overview
from facewarden.accountability import as_csv, as_page
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
            written = list(ledger.read(configuration.state))
            fault = ledger.first_fault(written)
        except (ValueError, TypeError, AttributeError):
            written, fault = [], "a line that is no entry"
        if verify:
            _verify(written, fault)
            return
        today = datetime.datetime.now(datetime.UTC).date()
        first = since.date() if since else today - datetime.timedelta(days=30)
        entries = [entry for entry in written if entry["day"] >= first.isoformat()]
        entries.append(ledger.entry_of(configuration, today, overview.last_recall(configuration)))
    _print(entries, fault, page=page, rows=rows)


def _verify(written: list[dict[str, Any]], fault: str | None) -> None:
    if fault:
        errors_to.print(f"the chain is broken at {fault}", highlight=False, markup=False)
        raise typer.Exit(Exit.SOME_FAILED)
    typer.echo(f"{len(written)} days, whole; newest hash {written[-1]['hash'] if written else 'none'}")


def _print(entries: list[dict[str, Any]], fault: str | None, *, page: bool, rows: bool) -> None:
    if page:
        typer.echo(as_page(entries, fault), nl=False)
    elif rows:
        typer.echo(as_csv(entries), nl=False)
    else:
        typer.echo(json.dumps({"whole": fault is None, "broken_at": fault, "days": entries}, indent=2))

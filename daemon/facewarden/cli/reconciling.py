"""`reconcile`: in = delivered + held + quarantined + waiting, for each inbox."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from facewarden.audit import accounts
from facewarden.audit.accounts import Account
from facewarden.cli.terminal import DEFAULT_FILE, ConfigurationFile, configured, errors_to, told_plainly
from facewarden.errors import Exit
from facewarden.journal import is_there

COLUMNS = ("delivered", "held", "quarantined", "waiting", "missing", "twice", "stray", "owed", "superseded", "vanished")
ALWAYS = ("delivered", "held", "quarantined", "waiting", "missing")
"""Columns that are shown also where they are all nought."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def reconcile(file: ConfigurationFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Check that what came in equals what was delivered, held, quarantined or waits; exit code 1 otherwise.

    Journal and folders are read and not changed; the service may run meanwhile.
    """
    with told_plainly():
        configuration = configured(file)
        try:
            found = accounts.accounts(configuration)
        except OSError as error:
            errors_to.print(f"a folder is out of reach: {error.strerror}", highlight=False)
            raise typer.Exit(Exit.SOME_FAILED) from None
    # Without a journal nobody can say what came in.
    agrees = is_there(configuration.state) and all(account.agrees for account in found)
    if as_json:
        typer.echo(json.dumps({"agrees": agrees, "inboxes": [_row(account) for account in found]}, indent=2))
    else:
        _print(found)
    if not agrees:
        raise typer.Exit(Exit.SOME_FAILED)


def _row(account: Account) -> dict[str, str | int | bool]:
    fields = dataclasses.asdict(account)
    return {"inbox": fields.pop("inbox"), "in": account.came, **fields, "agrees": account.agrees}


def _print(found: list[Account]) -> None:
    rows = [_row(account) for account in found]
    shown = [column for column in COLUMNS if column in ALWAYS or any(row[column] for row in rows)]
    table = Table("inbox", "in", *shown, "")
    for account, row in zip(found, rows, strict=True):
        mark = "[green]agrees[/]" if account.agrees else "[red]differs[/]"
        table.add_row(*(str(row[key]) for key in ("inbox", "in", *shown)), mark)
    Console().print(table)

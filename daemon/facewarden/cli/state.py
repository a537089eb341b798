"""`status`: what the service does now, and how each inbox stands."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from facewarden import config
from facewarden.audit.overview import overview
from facewarden.cli.terminal import DEFAULT_FILE, NO_JOURNAL, ConfigurationFile, has_journal, told_plainly
from facewarden.errors import Exit
from facewarden.intake.doors import take_known

EVERY = 1.0
NUMBERS = ("waiting", "running", "delivered", "held", "quarantined")
ALARMS = ("silent", "killed")
OWED_SECONDS = 3600.0
"""For so long an original may wait to be archived or deleted before a person should look why."""


def status(
    file: ConfigurationFile = DEFAULT_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Print it anew every second until Ctrl-C.")] = False,
) -> None:
    """Tell how the service and each inbox stand; 1 if something needs a person.

    It works while the service runs and when it is stopped, for the service's user alone.
    """
    with told_plainly():
        told = _look(file)
        if watch:
            _watch(file, told, as_json=as_json)
        else:
            _print(told, as_json=as_json)
    if alarming(told):
        raise typer.Exit(Exit.SOME_FAILED)


def alarming(told: dict[str, Any]) -> bool:
    """Whether a person should look: the service never ran, died or hangs, misses faces, or an inbox has trouble."""
    missed = told["recall"] is not None and not told["recall"]["passed"]
    troubled = any(inbox["troubles"] or (inbox["owed_s"] or 0) > OWED_SECONDS for inbox in told["inboxes"])
    unknown = told["state"] == "never started"  # or its state folder is away
    return unknown or told["state"] in ALARMS or missed or troubled


def _look(file: Path) -> dict[str, Any]:
    configuration = config.load(file)
    take_known(configuration)
    has_journal(configuration)
    return overview(configuration, time.time())


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        Console().print(_page(told))


def _watch(file: Path, told: dict[str, Any], *, as_json: bool) -> None:
    rest = threading.Event()
    try:
        if as_json or not Console().is_terminal:
            while True:
                _print(told, as_json=as_json)
                rest.wait(EVERY)
                told = _look(file)
        with Live(_page(told), auto_refresh=False) as live:
            while not rest.wait(EVERY):
                live.update(_page(_look(file)), refresh=True)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _page(told: dict[str, Any]) -> Group:
    return Group(*_lines(told), _table(told["inboxes"]), *_advice(told["inboxes"]))


def _lines(told: dict[str, Any]) -> list[str]:
    mark = "red" if told["state"] in ALARMS else "green" if told["state"] == "running" else "yellow"
    since = "" if told["last_word_s"] is None else f", last word {told['last_word_s']:.0f} s ago"
    lines = [f"[{mark}]{told['state']}[/], version {told['version']}{since}"]
    if told["workers"]:
        lines.append(f"workers: {told['workers']['alive']} of {told['workers']['wanted']}")
    if told["sandbox"]:
        locked = "on" if told["sandbox"]["seccomp"] else "[red]off[/]"
        lines.append(f"sandbox: Landlock ABI {told['sandbox']['landlock']}, seccomp {locked}")
    if told["state"] == "never started":
        lines.append(NO_JOURNAL)
    lines.append("weights: " + ", ".join(f"{name} {sha256}" for name, sha256 in told["weights"].items()))
    if told["recall"]:
        ago = (time.time() - told["recall"]["at"]) / 3600
        lines.append(f"drawn faces: {'all found' if told['recall']['passed'] else '[red]missed[/]'} {ago:.1f} h ago")
    return lines


_MENDS = {
    "ENOSPC": "make room there",
    "EDQUOT": "make room there",
    "EROFS": "mount it for writing",
    "EACCES": "give the service's user the right",
    "EPERM": "give the service's user the right",
    "ENOENT": "bring it back",
    "ENOMEDIUM": "mount it again: another folder stands in its place",
}
"""What helps, by the system's name of the trouble."""


def _advice(inboxes: list[dict[str, Any]]) -> list[str]:
    """A sentence for each folder that fails: which one, and what to do."""
    told = []
    for inbox in inboxes:
        for event in ("folder_out_of_reach", "disk_full"):
            if event in inbox["troubles"]:
                role, _, word = inbox["troubles"][event].partition(" ")
                mend = _MENDS.get(word, "see to its disk or its mount")
                told.append(
                    f"{inbox['inbox']}: the {role} folder cannot be used: {mend}; its photos wait and go on by themselves"
                )
    return told


def _table(inboxes: list[dict[str, Any]]) -> Table:
    """Narrow enough for a terminal of 80 columns."""
    table = Table("inbox", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (*NUMBERS, "/h"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    for inbox in inboxes:
        numbers = ["?" if inbox[key] is None else f"{inbox[key]}" for key in NUMBERS]
        if inbox["more"]:
            numbers[0] += "+"
        if inbox["oldest_s"] is not None:
            numbers[0] += f" ({inbox['oldest_s']:.0f} s)"
        table.add_row(inbox["inbox"], *numbers, str(inbox["per_hour"]), _state(inbox))
    return table


def _state(inbox: dict[str, Any]) -> str:
    left = f"{inbox['left_alone']} left alone" if inbox.get("left_alone") else ""
    watch = ", ".join(filter(None, (inbox["watch"], left)))
    troubles = [f"{event.replace('_', ' ')} {number}".strip() for event, number in inbox["troubles"].items()]
    if inbox["owed"]:
        troubles.append(f"{inbox['owed']} originals still to be archived or deleted")
    if inbox["paused_s"]:
        troubles.append(f"tried again in {inbox['paused_s']:.0f} s")
    return f"[red]{', '.join(troubles)}[/] {watch}" if troubles else f"[green]fine[/] {watch}".strip()

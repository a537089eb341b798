"""`run`, `once`, `check` and `sample-config`: the commands of the service."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from facewarden import config, logs
from facewarden.checks import start
from facewarden.cli.rehearsing import rehearse_all
from facewarden.cli.terminal import DEFAULT_FILE, ConfigurationFile, progress_bar, summary, told_plainly
from facewarden.errors import Exit
from facewarden.service.journey import Ending
from facewarden.service.loop import Service
from facewarden.service.reload import Running

Anew = Annotated[
    bool, typer.Option("--anew", help="Begin with a new journal though that does kept originals a second time.")
]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would become of each file, and write nothing.")]


def run(file: ConfigurationFile = DEFAULT_FILE, anew: Anew = False) -> None:
    """Watch the inboxes until told to stop (SIGTERM or Ctrl-C); SIGHUP has the configuration read again."""
    logs.configure()
    running = Running(file, anew=anew)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    signal.signal(signal.SIGHUP, lambda *_: running.reload())
    with told_plainly():
        running.run()


def once(file: ConfigurationFile = DEFAULT_FILE, anew: Anew = False, dry_run: DryRun = False) -> None:
    """Work off what is in the inboxes now, then exit; 1 if a photo was quarantined or a folder was out of reach."""
    logs.configure()
    if dry_run:
        rehearse_all(file)
        return
    counts: Counter[str] = Counter()
    with told_plainly(), progress_bar() as progress:
        task = progress.add_task("photos", total=None)

        def ended(ending: Ending) -> None:
            counts[ending.outcome] += 1
            done = sum(counts[outcome] for outcome in ("published", "held", "quarantined", "vanished"))
            progress.update(task, completed=done, total=done + service.waiting)

        with _service(file, ended, anew=anew) as service:
            service.once()
            failing = sum(inbox.failing for inbox in service.inboxes.values()) + len(service.away)
    summary(counts, failing)
    if counts["quarantined"] or failing:
        raise typer.Exit(Exit.SOME_FAILED)


def check(file: ConfigurationFile = DEFAULT_FILE) -> None:
    """Validate the configuration, its folders and rights, the weights and the libraries."""
    with told_plainly():
        findings = list(start.run(file))
    for finding in findings:
        mark = {"fine": "[green]ok[/]", "warning": "[yellow]warning[/]", "fault": "[red]fault[/]"}[finding.kind]
        Console().print(f"{mark:>20}  {finding.text}", highlight=False, soft_wrap=True)
    worst = max((finding.exit for finding in findings), default=Exit.FINE)
    if worst:
        raise typer.Exit(worst)


def sample_config() -> None:
    """Print a commented sample of the configuration."""
    typer.echo(config.sample(), nl=False)


@contextmanager
def _service(file: Path, on_ending: Any, *, anew: bool) -> Iterator[Service]:
    service = Service(config.load(file), on_ending, anew=anew)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    try:
        yield service
    finally:
        service.close()

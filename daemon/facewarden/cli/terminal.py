"""What the commands share: options, progress on a terminal, plain words for a refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facewarden import config, logs
from facewarden.checks.lost_journal import require_known_results
from facewarden.errors import JOURNAL_DAMAGED, CannotStart
from facewarden.intake.doors import take_known
from facewarden.journal import is_there
from facewarden.pool import LocalPool, Pool, default_size
from facewarden.values import Terms

errors_to = Console(stderr=True)
NO_JOURNAL = (
    "there is no journal: the service never ran with this state folder, or the folder is away; bring it back first"
)
T = TypeVar("T")

ConfigurationFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="FACEWARDEN_CONFIG", help="Read this configuration.")
]
DEFAULT_FILE = Path("/etc/facewarden/facewarden.yaml")
Given = Annotated[
    list[Path], typer.Argument(metavar="IN...", exists=True, show_default=False, help="Photos and folders of photos.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Start so many worker processes; by default one a core.")
]
SmallestFace = Annotated[int, typer.Option(min=8, max=1000, help="Find faces from this width in pixels.")]


@contextmanager
def workers_for(workers: int | None, photos: int, terms: Terms | None = None) -> Iterator[Pool]:
    logs.configure()
    pool = LocalPool(max(1, min(workers or default_size(), photos)), terms=terms)
    try:
        pool.start()
        yield pool
    finally:
        pool.stop()


def configured(file: Path) -> config.Configuration:
    """The configuration for those beside the service. Where it has no journal, that is said: its disk may be away.

    Raises CannotStart, also where results show that there was a journal.
    """
    configuration = config.load(file)
    take_known(configuration)
    if not has_journal(configuration):
        errors_to.print(NO_JOURNAL, highlight=False, soft_wrap=True)
    return configuration


def has_journal(configuration: config.Configuration) -> bool:
    """Whether there is a journal. Raises CannotStart where results show that there was one, or nobody may look."""
    if is_there(configuration.state):
        return True
    try:
        require_known_results(configuration, {})
    except CannotStart as refusal:
        if refusal.reason is JOURNAL_DAMAGED:
            raise
    return False


@contextmanager
def told_plainly() -> Iterator[None]:
    """A refusal to start is told as a sentence with its faults, and the exit code says which it was."""
    try:
        yield
    except CannotStart as refusal:
        _refuse(refusal)


def _refuse(refusal: CannotStart) -> NoReturn:
    errors_to.print(f"[red]facewarden cannot start:[/] {refusal}", highlight=False, soft_wrap=True)
    for fault in refusal.faults:
        errors_to.print(f"  - {fault}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(refusal.reason.exit)


def plain(text: str) -> str:
    """A text with names in it, as a terminal may show it: without escape codes, and without marks that turn the writing round."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors_to, transient=True, disable=not errors_to.is_terminal)


def tracked(answers: Iterable[T], total: int) -> Iterator[T]:
    with progress_bar() as progress:
        yield from progress.track(answers, total=total, description="photos")


def summary(counts: Counter[str], failing: int) -> None:
    for what, count in sorted(counts.items()):
        errors_to.print(f"{count:6} {what}", highlight=False, soft_wrap=True)
    if not counts:
        errors_to.print("     0 nothing to do", highlight=False)
    if failing:
        errors_to.print(f"{failing:6} inboxes with a folder out of reach: see the log", highlight=False, soft_wrap=True)

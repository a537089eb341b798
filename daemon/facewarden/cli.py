"""The `facewarden` command. Only `detect` prints file names; all else speaks in counts and reasons."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facewarden import __version__, checks, config, direct, logs
from facewarden.config.models import Format
from facewarden.errors import REASONS, CannotStart, Exit
from facewarden.journey import Ending
from facewarden.pool import Pool, default_size
from facewarden.service import Service
from facewarden.values import Limits, Shape, Style

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print values, which are file names
    no_args_is_help=True,
    help="Hide every face in the photos dropped into a folder. Offline, sandboxed, logging nothing about anyone.",
)
_err = Console(stderr=True)

ConfigurationFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="FACEWARDEN_CONFIG", show_default=True, help="Read this configuration.")
]
DEFAULT_FILE = Path("/etc/facewarden/facewarden.yaml")
Given = Annotated[
    list[Path], typer.Argument(metavar="IN...", exists=True, show_default=False, help="Photos and folders of photos.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Start so many worker processes; by default one a core.")
]
SmallestFace = Annotated[int, typer.Option(min=8, max=1000, help="Find faces from this width in pixels.")]


def main() -> None:
    """Run the command line; ends the process with an exit code of `errors.Exit`."""
    app()


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"facewarden {__version__}")
        raise typer.Exit


@app.command()
def run(file: ConfigurationFile = DEFAULT_FILE) -> None:
    """Watch the inboxes until told to stop (SIGTERM or Ctrl-C)."""
    logs.configure()
    with _told_plainly(), _service(file) as service:
        service.run()


@app.command()
def once(file: ConfigurationFile = DEFAULT_FILE) -> None:
    """Work off what is in the inboxes now, then exit; 1 if a photo was quarantined or a folder was out of reach."""
    logs.configure()
    counts: Counter[str] = Counter()
    with _told_plainly(), _progress() as progress:
        task = progress.add_task("photos", total=None)

        def ended(ending: Ending) -> None:
            counts[ending.outcome] += 1
            done = sum(counts[outcome] for outcome in ("published", "held", "quarantined", "vanished"))
            progress.update(task, completed=done, total=done + service.waiting)

        with _service(file, ended) as service:
            service.once()
            failing = sum(inbox.failing for inbox in service.inboxes.values())
    _summary(counts, failing)
    if counts["quarantined"] or failing:
        raise typer.Exit(Exit.SOME_FAILED)


@app.command()
def redact(
    given: Given,
    target: Annotated[Path, typer.Option("--output", "-o", file_okay=False, help="Write results into this folder.")],
    style: Annotated[Style, typer.Option(help="Hide faces this way.")] = "veil",
    shape: Annotated[Shape, typer.Option(help="Draw areas of this shape.")] = "ellipse",
    growth: Annotated[float, typer.Option(min=1, max=4, help="Grow found faces by this factor.")] = 1.6,
    safety_frame: Annotated[bool, typer.Option(help="Draw a green frame around each area.")] = True,
    smallest_face: SmallestFace = 20,
    output_format: Annotated[Format, typer.Option("--format", help="Write results in this format.")] = "same",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Write JPEG and WebP with this quality.")] = 90,
    workers: Workers = None,
) -> None:
    """Redact photos and folders without a configuration; never overwrite a file, and go on after a failure."""
    profile = config.Profile.model_validate(
        {
            "detect": {"smallest_face": smallest_face},
            "redact": {"style": style, "shape": shape, "growth": growth, "safety_frame": safety_frame},
            "output": {"format": output_format, "jpeg_quality": quality},
        }
    )
    found = list(direct.sources(given))
    with _told_plainly(), _pool(workers, len(found)) as pool:
        target.mkdir(parents=True, exist_ok=True)
        counts: Counter[str] = Counter()
        answers = direct.redact(found, target, profile, config.recipe_of(profile, Limits()), pool)
        for done in _tracked(answers, len(found)):
            counts["redacted" if done.reason is None else done.reason.sentence()] += 1
    _summary(counts, 0)
    if counts.total() > counts["redacted"] or not found:
        raise typer.Exit(Exit.SOME_FAILED)


@app.command()
def detect(
    given: Given,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line a file.")] = False,
    smallest_face: SmallestFace = 20,
    workers: Workers = None,
) -> None:
    """Print the areas that would be redacted, in upright pixels, without redacting."""
    profile = config.Profile.model_validate({"detect": {"smallest_face": smallest_face}})
    found = list(direct.sources(given))
    failed = 0
    with _told_plainly(), _pool(workers, len(found)) as pool:
        for done in _tracked(direct.detect(found, config.recipe_of(profile, Limits()), pool), len(found)):
            failed += done.reason is not None
            for line in _lines(done, as_json=as_json):
                typer.echo(line)
    if failed or not found:
        raise typer.Exit(Exit.SOME_FAILED)


@app.command()
def check(file: ConfigurationFile = DEFAULT_FILE) -> None:
    """Validate the configuration, its folders and rights, the weights and the libraries."""
    with _told_plainly():
        findings = list(checks.run(file))
    for finding in findings:
        mark = {"fine": "[green]ok[/]", "warning": "[yellow]warning[/]", "fault": "[red]fault[/]"}[finding.kind]
        Console().print(f"{mark:>20}  {finding.text}", highlight=False, soft_wrap=True)
    worst = max((finding.exit for finding in findings), default=Exit.FINE)
    if worst:
        raise typer.Exit(worst)


@app.command()
def sample_config() -> None:
    """Print a commented sample of the configuration."""
    typer.echo(config.sample(), nl=False)


@contextmanager
def _service(file: Path, on_ending: Any = lambda _: None) -> Iterator[Service]:
    service = Service(config.load(file), on_ending)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    try:
        yield service
    finally:
        service.close()


@contextmanager
def _pool(workers: int | None, photos: int) -> Iterator[Pool]:
    logs.configure()
    pool = Pool(max(1, min(workers or default_size(), photos)))
    try:
        pool.start()
        yield pool
    finally:
        pool.stop()


@contextmanager
def _told_plainly() -> Iterator[None]:
    """A refusal to start is told as a sentence with its faults, and the exit code says which it was."""
    try:
        yield
    except CannotStart as refusal:
        _refuse(refusal)


def _refuse(refusal: CannotStart) -> NoReturn:
    _err.print(f"[red]facewarden cannot start:[/] {refusal}", highlight=False, soft_wrap=True)
    for fault in refusal.faults:
        _err.print(f"  - {fault}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(refusal.reason.exit)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal)


def _tracked(answers: Iterable[direct.Done], total: int) -> Iterator[direct.Done]:
    with _progress() as progress:
        yield from progress.track(answers, total=total, description="photos")


def _summary(counts: Counter[str], failing: int) -> None:
    for what, count in sorted(counts.items()):
        _err.print(f"{count:6} {what}", highlight=False, soft_wrap=True)
    if not counts:
        _err.print("     0 nothing to do", highlight=False)
    if failing:
        _err.print(f"{failing:6} inboxes with a folder out of reach: see the log", highlight=False, soft_wrap=True)


def _lines(done: direct.Done, *, as_json: bool) -> Iterator[str]:
    name = os.fsencode(done.source.path).decode("utf-8", "backslashreplace")
    if done.reply is None:
        reason = done.reason.number if done.reason else 0
        entry: dict[str, Any] = {"file": name, "error": {"reason": reason, "text": REASONS[reason].sentence()}}
        yield json.dumps(entry) if as_json else f"{_plain(name)}: {REASONS[reason].sentence()}"
        return
    for number, ((width, height), regions) in enumerate(zip(done.reply.sizes, done.reply.regions, strict=True)):
        page = {"frame": number} if len(done.reply.sizes) > 1 else {}
        areas = [
            {
                "x": round(region.x, 1),
                "y": round(region.y, 1),
                "width": round(region.width, 1),
                "height": round(region.height, 1),
                "shape": region.shape,
                "score": round(region.score, 3),
                "detector": region.detector,
            }
            for region in regions
        ]
        entry = {"file": name, **page, "width": width, "height": height, "regions": areas}
        yield json.dumps(entry) if as_json else f"{_plain(name)}: {width} x {height}, {len(areas)} areas"


def _plain(name: str) -> str:
    """A name without control characters: it may hold escape codes for the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)

"""`selftest`: proofs that anyone can run on their own machine, on generated data alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table

from facewarden.cli.terminal import errors_to, progress_bar
from facewarden.errors import Exit
from facewarden.values import Style

app = typer.Typer(no_args_is_help=True, help="Prove on generated data that this installation keeps its promises.")


class Figures:
    """What the proof of the styles has found so far; `fault` tells what is wrong with it, in a sentence."""

    def __init__(self) -> None:
        self.tried, self.differing = Counter[str](), Counter[str]()
        self.recognised: dict[str, float] = {}
        self.chance = 0.0
        self.subjects: set[str] = set()
        """What was to be tried."""

    def add(self, piece: dict[str, Any]) -> None:
        """Take in one line of `facewarden.sandbox.proof`."""
        self.chance = piece.get("chance", self.chance)
        self.subjects |= set(piece.get("subjects", ()))
        if "scenes" in piece:
            self.tried[piece["style"]] += piece["scenes"]
            self.differing[piece["style"]] += piece["differing"]
        if "recognised" in piece:
            self.recognised[piece["style"]] = piece["recognised"]

    def fault(self, scenes: int) -> str | None:
        told = set(self.recognised) == {"untouched", *get_args(Style)} and set(self.tried) == self.subjects
        if not told or min(self.tried.values(), default=0) != scenes:
            return "The proof ended before its end: install facewarden again with its dependencies."
        if failed := sorted(style for style, count in self.differing.items() if count):
            which = " and ".join(failed)
            return f"Pixels of hidden areas show in results of the style {which}: do not use it, report this."
        return None

    def table(self) -> Table:
        caption = f"Guessing names {self.chance:.1f} %. What the decoder does not tell may still be there."
        table = Table("style", caption=caption)
        for heading in ("pairs of scenes", "that differ", "decoder names, %"):
            table.add_column(heading, justify="right")
        for style, figure in self.recognised.items():
            exact = self._exact(style) if style in self.tried else ["", ""]
            table.add_row(style, *exact, f"{figure:.1f}")
        for subject in self.tried:
            if subject not in self.recognised:
                table.add_row(subject, *self._exact(subject), "")
        return table

    def _exact(self, subject: str) -> list[str]:
        return [f"{self.tried[subject]:,}", f"{self.differing[subject]:,}"]


@app.command()
def redaction(
    scenes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Try so many random scenes a style.")] = 2000,
) -> None:
    """Prove that no pixel of a hidden area is left, and measure what a decoder still tells; 1 if the proof fails."""
    figures = Figures()
    for piece in _tracked(_pieces("facewarden.sandbox.proof", str(scenes))):
        figures.add(piece)
    Console().print(figures.table())
    if fault := figures.fault(scenes):
        _fail(fault)


@app.command()
def sandbox(
    attempt: Annotated[
        str, typer.Argument(metavar="[ATTEMPT]", help="Make this attempt only.", show_default=False)
    ] = "",
) -> None:
    """Try to break out of a locked worker, and of an unlocked one for comparison; 1 if one got out of the lock."""
    table = Table("attempt", "locked", "control")
    with (
        _room("facewarden.sandbox.escapes", *([attempt] if attempt else [])) as (process, lines),
        progress_bar() as progress,
    ):
        for line in progress.track(lines, description="attempts"):
            table.add_row(*line.rstrip("\n").split("\t"))
    Console().print(table)
    if process.returncode or not table.row_count:
        _fail(
            "A locked attempt got out or could not be made: do not use it here, report this with the kernel's version."
        )


def _fail(sentence: str) -> None:
    errors_to.print(sentence, highlight=False, soft_wrap=True)
    raise typer.Exit(Exit.SOME_FAILED)


def _pieces(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """What a module of the sandbox prints, line by line; it runs as a process, for nobody here imports it."""
    with _room(module, *arguments) as (_, lines):
        yield from map(json.loads, lines)


@contextmanager
def _room(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Iterable[str]]]:
    command = [sys.executable, "-I", "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, process.stdout


def _tracked(pieces: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with progress_bar() as progress:
        task = progress.add_task("pieces", total=None)
        for piece in pieces:
            progress.update(task, total=piece.get("pieces"), advance=0 if "pieces" in piece else 1)
            yield piece

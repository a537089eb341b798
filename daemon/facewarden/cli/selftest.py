"""`selftest`: proofs that anyone can run on their own machine, on generated data alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table

from facewarden.cli.terminal import errors_to, progress_bar
from facewarden.errors import Exit
from facewarden.values import Style

app = typer.Typer(no_args_is_help=True, help="Prove on generated data that this installation keeps its promises.")


@app.callback()
def _group() -> None:
    """So that `redaction` is a command of its own, also while it is the only one."""


@app.command()
def redaction(
    scenes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Try so many random scenes a style.")] = 2000,
) -> None:
    """Prove that no pixel of a hidden area is left, and measure what a decoder still tells; 1 if the proof fails."""
    tried, differing, recognised, chance = Counter[str](), Counter[str](), dict[str, float](), 0.0
    for piece in _tracked(_pieces("facewarden.sandbox.proof", str(scenes))):
        chance = piece.get("chance", chance)
        if "scenes" in piece:
            tried[piece["style"]] += piece["scenes"]
            differing[piece["style"]] += piece["differing"]
        if "recognised" in piece:
            recognised[piece["style"]] = piece["recognised"]
    Console().print(_table(tried, differing, recognised, chance))
    if set(recognised) != {"untouched", *get_args(Style)} or min(tried.values(), default=0) != scenes:
        _fail("The proof ended before its end: install facewarden again with its dependencies.")
    if failed := sorted(style for style, count in differing.items() if count):
        _fail(f"Pixels of hidden areas show in results of the style {' and '.join(failed)}: do not use it, report this.")


def _fail(sentence: str) -> None:
    errors_to.print(sentence, highlight=False, soft_wrap=True)
    raise typer.Exit(Exit.SOME_FAILED)


def _pieces(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """What a module of the sandbox prints, line by line; it runs as a process, for nobody here imports it."""
    command = [sys.executable, "-I", "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield from map(json.loads, process.stdout)


def _tracked(pieces: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with progress_bar() as progress:
        task = progress.add_task("pieces", total=None)
        for piece in pieces:
            progress.update(task, total=piece.get("pieces"), advance=0 if "pieces" in piece else 1)
            yield piece


def _table(tried: Counter[str], differing: Counter[str], recognised: dict[str, float], chance: float) -> Table:
    table = Table("style", caption=f"Guessing names {chance:.1f} %. What the decoder does not tell may still be there.")
    for heading in ("pairs of scenes", "that differ", "decoder names, %"):
        table.add_column(heading, justify="right")
    for style, figure in recognised.items():
        exact = [f"{tried[style]:,}", f"{differing[style]:,}"] if style in tried else ["", ""]
        table.add_row(style, *exact, f"{figure:.1f}")
    return table

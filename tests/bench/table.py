"""One line of the benchmarks' table: what was measured, ours, what it is compared with, and whether that is enough."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

HEADINGS = ("", "measured", "ours", "beside", "ratio", "goal", "met")


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """`ratio` is ours divided by the other, in the sense that `goal` says; `met` is None where there is no goal."""

    measured: str
    ours: str
    beside: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What every part is given: labelled photos where they are at hand, a folder of its own, and how much to do."""

    photos: Path | None
    folder: Path
    short: bool
    """Enough to see that it works; the figures mean little then."""

    def met(self, enough: bool, /) -> bool | None:
        """Whether a goal is met; the short form judges none."""
        return None if self.short else enough


def heading() -> None:
    """Begin the table."""
    _say(HEADINGS)
    _say(["---"] * len(HEADINGS))


def say(part: str, line: Line) -> None:
    """Print one line of the table, in Markdown."""
    ratio = "" if line.ratio is None else f"{line.ratio:.3g}"
    met = {None: "", True: "yes", False: "**no**"}[line.met]
    _say((part, line.measured, line.ours, line.beside, ratio, line.goal, met))


def median(values: list[float]) -> float:
    """The middle one of a few measurements: this machine's noise comes in single bursts."""
    return sorted(values)[len(values) // 2]


def progress(message: str) -> None:
    """Tell whoever waits how far it is; the table alone goes to stdout."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def _say(cells: Sequence[str]) -> None:
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


Part = Callable[[Given], Iterator[Line]]
"""Measures when asked for its next line."""

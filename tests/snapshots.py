"""Prints each command's help, and what it says to wrong use, as a person with a terminal of 100 columns sees it.

    python -m tests.snapshots >tests/help.txt

`tests/cli/test_cli.py` holds the file and the program equal, so that a change of words is seen in review.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

WRONG: tuple[tuple[str, ...], ...] = (
    ("nonsense",),
    ("run", "--nonsense"),
    ("run", "-c", "missing.yaml"),
    ("status", "-c", "missing.yaml"),
    ("explain",),
    ("explain", "x.jpg", "-c", "missing.yaml"),
    ("retry",),
    ("retry", "x", "--all"),
    ("release",),
    ("forget", "--days", "-1"),
    ("report", "--since", "yesterday"),
    ("report", "--csv", "--html"),
    ("doctor",),
    ("doctor", "missing"),
    ("redact", "missing.jpg", "-o", "out"),
    ("detect",),
)


def main() -> None:
    """Write all of it to stdout."""
    os.environ |= {
        "TERMINAL_WIDTH": "100",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }  # read when typer is imported
    os.environ.pop("FACEWARDEN_CONFIG", None)
    os.environ.pop("FORCE_COLOR", None)
    import typer
    from typer.testing import CliRunner

    from facewarden.cli import app

    runner = CliRunner()
    for words in (*((*command, "--help") for command in _commands(typer.main.get_command(app))), *WRONG):
        result = runner.invoke(app, list(words), prog_name="facewarden")
        text = "\n".join(line.rstrip() for line in result.output.splitlines())
        sys.stdout.write(f"$ facewarden {' '.join(words)}\n{text.strip()}\n[{result.exit_code}]\n\n")


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*path, name))


if __name__ == "__main__":
    main()

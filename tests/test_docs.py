"""The documents say what the program does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from facewarden.cli import app
from facewarden.errors import REASONS, Exit
from facewarden.logs import ALLOWED

DOCS = Path(__file__).resolve().parents[1] / "docs"
ROOT = DOCS.parent


def test_every_reason_is_documented() -> None:
    """docs/reasons.md has each reason's number, name and sentences, and each exit code."""
    text = (DOCS / "reasons.md").read_text()
    for reason in REASONS.values():
        assert f"| {reason.number} | `{reason.name}` | {reason.what} | {reason.advice} |" in text
    for code in Exit:
        assert f"| {int(code)} |" in text


def test_every_log_key_is_documented() -> None:
    """docs/logs.md has each key that may appear in a log line, and what it says."""
    text = (DOCS / "logs.md").read_text()
    for key, meaning in ALLOWED.items():
        assert f"| `{key}` | {meaning} |" in text


def test_every_command_is_in_the_readme() -> None:
    """README shows each command of the program, those of its groups too."""
    text = (ROOT / "README.md").read_text()
    missing = [path for path in commands(typer.main.get_command(app), "facewarden") if path not in text]
    assert not missing


def commands(command: Any, path: str) -> Iterator[str]:
    """The full name of every command that can be run."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield path
    for name, below in inner.items():
        yield from commands(below, f"{path} {name}")


def test_the_map_names_every_module() -> None:
    """docs/architecture.md has each folder of the package, and each module by its path or, in its folder's row, its name."""
    text = (DOCS / "architecture.md").read_text()
    package = ROOT / "daemon" / "facewarden"
    missing = []
    for path in package.rglob("*.py"):
        inside = path.relative_to(package)
        if path.name == "__init__.py":
            named = inside.parent == Path() or f"{inside.parent}/" in text
        else:
            row = next((line for line in text.splitlines() if line.startswith(f"| `{inside.parent}/`")), "")
            named = f"`{inside}`" in text or f"`{path.name}`" in row or (len(inside.parts) > 2 and bool(row))
        if not named:
            missing.append(str(inside))
    assert not missing


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link of a page names a file that is there."""
    file = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
        assert (file.parent / target).exists(), target

"""The documents say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def test_the_map_names_every_module() -> None:
    """docs/architecture.md has one line for each module of the package."""
    text = (DOCS / "architecture.md").read_text()
    package = ROOT / "daemon" / "facewarden"
    missing = []
    for path in package.rglob("*.py"):
        inside = path.relative_to(package)
        name = f"{inside.parent}/" if path.name == "__init__.py" else str(inside)
        if inside.parent.name and f"`{inside.parent}/`" in text and len(inside.parts) > 2:
            continue  # a room of a room: its folder's line speaks for it
        if name != "./" and f"`{name}`" not in text:
            missing.append(name)
    assert not missing


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link of a page names a file that is there."""
    file = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
        assert (file.parent / target).exists(), target

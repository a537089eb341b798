"""The documents say what the program does."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from facewarden.cli import app
from facewarden.errors import REASONS, Exit
from facewarden.files.failing import Role
from facewarden.logs import ALLOWED
from facewarden.outcomes import WORDS

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
    "page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link of a page names a file that is there."""
    file = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
        assert (file.parent / target).exists(), target


PACKAGE = ROOT / "daemon" / "facewarden"
WORDED = ("audit", "decide", "delivery", "intake", "journal", "pool", "service")
"""Rooms whose classes are words of the house as soon as another module imports them."""


def glossary() -> dict[str, tuple[str, list[str]]]:
    """Each word of docs/glossary.md with its owner, a path in the package, and the names in it."""
    rows = re.findall(
        r"^\| \*\*([^*]+)\*\* \| [^|]+ \| `([^`]+)`(.*) \|$", (DOCS / "glossary.md").read_text(), re.MULTILINE
    )
    return {word: (owner, re.findall(r"`(\w+)`", names)) for word, owner, names in rows}


def parsed(owner: str) -> Iterator[ast.Module]:
    """The module of this path, or each module of a room."""
    place = PACKAGE / owner
    for file in place.rglob("*.py") if owner.endswith("/") else [place]:
        yield ast.parse(file.read_bytes())


def defined(tree: ast.Module) -> Iterator[str]:
    """What a module defines at its top."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_every_line_of_the_glossary_is_read() -> None:
    """Each row has a word, one sentence and an owner, and no word stands there twice."""
    rows = [line for line in (DOCS / "glossary.md").read_text().splitlines() if line.startswith("| **")]
    assert len(glossary()) == len(rows) > 0


@pytest.mark.parametrize("word", glossary())
def test_the_glossary_speaks_of_what_there_is(word: str) -> None:
    """The owner of each word is in the package, and defines the names that its line gives."""
    owner, names = glossary()[word]
    assert (PACKAGE / owner).exists(), owner
    assert set(names) <= {name for tree in parsed(owner) for name in defined(tree)}


def test_every_room_has_a_word_and_is_in_the_picture() -> None:
    """Each room of the package owns a word of the glossary, and stands in docs/pictures/architecture.svg."""
    rooms = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert rooms <= {owner.partition("/")[0] for owner, _ in glossary().values()}
    assert rooms <= set(re.findall(r"(\w+)/", (DOCS / "pictures" / "architecture.svg").read_text()))


def test_every_class_that_leaves_its_module_is_a_word() -> None:
    """A class of the trusted rooms that another module imports is named in the glossary; what is raised has its reason instead."""
    known = {name for _, names in glossary().values() for name in names}
    missing = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                room = node.module.removeprefix("facewarden.").partition(".")[0]
                names = {alias.name for alias in node.names if not alias.name.endswith("Error")}
                missing |= names & classes(room) - known if room in WORDED else set()
    assert not missing


@functools.cache
def classes(room: str) -> frozenset[str]:
    """The classes that a room defines."""
    return frozenset(node.name for tree in parsed(f"{room}/") for node in tree.body if isinstance(node, ast.ClassDef))


def test_every_outcome_and_folder_is_a_word() -> None:
    """Each outcome of a job and each role of a folder stands in the glossary under its own name."""
    assert {*WORDS, *get_args(Role)} <= set(glossary())


def test_contributing_names_files_that_are_there() -> None:
    """Each path that CONTRIBUTING.md gives lies in the project, in the package or in its sandbox."""
    paths = re.findall(r"`([\w./]+/[\w.]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(paths) > 50
    assert not [
        path for path in paths if not any((base / path).exists() for base in (ROOT, PACKAGE, PACKAGE / "sandbox"))
    ]

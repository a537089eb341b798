"""The table of faults has a test for each row, and docs/behaviour.md names tests that exist for each promise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.faults.table import ELSEWHERE, ROOT, ROWS

FAULTS = ROOT / "tests/faults"
BEHAVIOUR = ROOT / "docs/behaviour.md"


def functions(file: Path) -> Iterator[ast.FunctionDef]:
    """The tests in a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def rows_of(function: ast.FunctionDef) -> Iterator[str]:
    """The rows that a test is marked with."""
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "fault":
            yield ast.literal_eval(mark.args[0])


def test_each_row_has_a_test_of_the_real_service() -> None:
    """No row is held by the ordinary suite alone: each has at least one test in tests/faults."""
    held = {row for file in FAULTS.glob("test_*.py") for function in functions(file) for row in rows_of(function)}
    assert held == set(ROWS)


def test_the_tests_named_elsewhere_exist() -> None:
    """What the table names in the ordinary suite is there."""
    assert set(ELSEWHERE) <= set(ROWS)
    for name in {name for names in ELSEWHERE.values() for name in names}:
        file, _, test = name.partition("::")
        assert (ROOT / file).is_file(), name
        assert not test or test in {function.name for function in functions(ROOT / file)}, name


def test_each_promise_names_tests_that_exist() -> None:
    """Each section of docs/behaviour.md that promises something names its tests, and each of them is there."""
    known = {function.name for file in (ROOT / "tests").rglob("test_*.py") for function in functions(file)}
    head, *sections = re.split(r"^## ", BEHAVIOUR.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert head.startswith("# ")
    assert len(sections) > 10
    for section in sections:
        for paragraph in section.strip().split("\n\n")[1:]:
            named = set(re.findall(r"`(test_\w+)`", paragraph))
            assert named, f"a promise without a test: {paragraph[:60]}"
            assert named <= known, named - known

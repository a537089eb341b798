"""`selftest redaction`: the proof as a person runs it, and that it can fail."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.test_cli import facewarden

from facewarden.checks import start
from facewarden.cli.selftest import Figures
from facewarden.errors import Exit
from facewarden.sandbox import proof, redact
from facewarden.values import STYLES

BLIND = [style for style, way in redact.STYLES.items() if way.blind]


@pytest.mark.timeout(300)
def test_the_installed_styles_pass() -> None:
    """Each style has its row, the blind ones no difference in as many scenes as asked for; exit code 0."""
    done = facewarden("selftest", "redaction", "--scenes", 130)
    assert done.returncode == Exit.FINE, done.stderr
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:5]] for cells in _cells(done.stdout)}
    assert set(rows) == {"untouched", *STYLES, *proof.SUBJECTS}
    assert all(rows[style][:2] == ["130", "0"] for style in BLIND)
    assert float(rows["untouched"][2]) == float(rows["gaussian"][2]) == 100
    assert float(rows["veil"][2]) < 10


def _cells(table: str) -> list[list[str]]:
    return [line.split("│") for line in table.splitlines() if line.startswith("│")]


def fault_of(pieces: list[dict[str, Any]]) -> str | None:
    figures = Figures()
    for piece in pieces:
        figures.add(piece)
    return figures.fault(3)


def test_a_difference_fails() -> None:
    """One scene that differs is named with its style; nothing else is a fault."""
    assert fault_of(PIECES) is None
    assert "results of the style veil:" in (fault_of([*PIECES, {"style": "veil", "scenes": 0, "differing": 1}]) or "")


@pytest.mark.parametrize("missing", ["scenes", "recognised"])
def test_a_proof_that_was_cut_off_fails(missing: str) -> None:
    """Figures that are not there do not count as good ones."""
    for last in range(len(PIECES)):
        assert "ended before its end" in (fault_of(PIECES[:last]) or "")
    assert "ended before its end" in (fault_of([piece for piece in PIECES if missing not in piece]) or "")


PIECES: list[dict[str, Any]] = [
    {"pieces": 9, "chance": 2.5, "subjects": proof.SUBJECTS},
    *({"style": subject, "scenes": 3, "differing": 0} for subject in proof.SUBJECTS),
    *({"style": style, "recognised": 5.0} for style in ("untouched", *STYLES)),
]


def test_a_style_that_lets_the_inside_through_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof itself tells: a style that claims to be blind and is not differs in nearly every scene."""
    monkeypatch.setitem(redact.STYLES, "solid", redact.STYLES["mosaic"]._replace(blind=False))
    assert proof.differing("solid", 50) > 30


def test_check_warns_of_exactly_the_styles_that_are_not_blind() -> None:
    """What `check` calls cosmetic is what the proof finds to be so."""
    assert set(start.COSMETIC) == set(STYLES) - set(BLIND)


def test_an_attempt_to_break_out_is_told_beside_its_control() -> None:
    """`selftest sandbox` prints what became of an attempt in a locked worker and in the control; 0 where none got out."""
    done = facewarden("selftest", "sandbox", "open-file")
    assert done.returncode == Exit.FINE, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if "open-file" in line]
    assert "refused (EACCES)" in row
    assert "got out" in row


def test_an_attempt_that_cannot_be_made_is_a_failure() -> None:
    """Where nothing was tried nothing is proved: the exit code is 1."""
    done = facewarden("selftest", "sandbox", "no-such-attempt")
    assert done.returncode == Exit.SOME_FAILED
    assert "could not be made" in done.stderr

"""docs/formats.md says what happens: each of its rows is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests import formats

from facewarden.sandbox.decode import recognise

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"


def test_the_page_is_what_the_runs_give() -> None:
    """`python -m tests.formats > docs/formats.md` would change nothing."""
    # In a process of its own, as a worker is: libraries that other tests have loaded bring decoders of their own.
    command = [sys.executable, "-m", "tests.formats"]
    told = subprocess.run(command, cwd=PAGE.parents[1], capture_output=True, check=True, text=True)
    assert told.stdout == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("row", formats.ROWS, ids=lambda row: row.name)
def test_each_row_runs(row: formats.Row) -> None:
    """Its files are read in every mode, delivered, read again by another program, and refused when cut in half."""
    assert formats.run(row) in PAGE.read_text(encoding="utf-8")


def test_every_accepted_format_is_named() -> None:
    """None of those that the decoder takes is missing on the page."""
    text = PAGE.read_text(encoding="utf-8").upper()
    other = {"JPEG2000": "JPEG 2000", "SUN": "SUN RASTER", "XVTHUMB": "XV THUMBNAILS", "DIB": "BMP"}
    assert not [name for name in recognise.ACCEPTED if other.get(name, name) not in text]

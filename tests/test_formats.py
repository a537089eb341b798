"""docs/formats.md says what happens: each of its rows is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import formats

from facewarden.sandbox.decode import recognise

PAGE = Path(__file__).resolve().parents[1] / "docs" / "formats.md"


def test_the_page_is_what_the_runs_give() -> None:
    """`python -m tests.formats > docs/formats.md` would change nothing."""
    assert PAGE.read_text(encoding="utf-8") == formats.page()


@pytest.mark.parametrize("row", formats.ROWS, ids=lambda row: row.name)
def test_each_row_runs(row: formats.Row) -> None:
    """Its files are read in every mode, delivered, read again by another program, and refused when cut in half."""
    assert formats.run(row) in PAGE.read_text(encoding="utf-8")


def test_every_accepted_format_is_named() -> None:
    """None of those that the decoder takes is missing on the page."""
    text = PAGE.read_text(encoding="utf-8").upper()
    other = {"JPEG2000": "JPEG 2000", "SUN": "SUN RASTER", "XVTHUMB": "XV THUMBNAILS", "DIB": "BMP"}
    assert not [name for name in recognise.ACCEPTED if other.get(name, name) not in text]

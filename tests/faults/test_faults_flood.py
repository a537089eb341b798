"""Very many files waiting: the short form; `python -m tests.faults.flood` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.faults import flood
from tests.faults.table import fault


@fault("100,000 files waiting")
@fault("fairness")
def test_a_flood_costs_little_and_starves_nobody(tmp_path: Path) -> None:
    """With more files waiting than are watched at a time memory stays bounded, the oldest go first, others do not wait."""
    measured = flood.measure(tmp_path, files=20_000, seconds=15)
    assert measured.full - measured.idle < flood.MEMORY, str(measured)
    assert measured.results < measured.files, "the other inbox's photo had to wait for the flood's end"
    assert measured.youngest < 6_000, "those that came out first are not the oldest"

"""The short form of the kill storm; `python -m tests.faults.storm` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import storm
from tests.faults.table import fault


@pytest.mark.timeout(600)
@fault("kill -9 at every step")
def test_a_short_kill_storm(tmp_path: Path) -> None:
    """Killed at random moments, each photo is accounted for exactly once and none leaves unredacted."""
    assert "nothing lost" in storm.run(tmp_path, kills=12, files=30, seed=7, minutes=1)

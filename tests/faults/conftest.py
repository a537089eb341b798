"""What the fault tests share: the harness, and file systems to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.harness import Harness, Ledger


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Harness]:
    """The real service on an inbox in a tmp folder; ended whatever the test did."""
    it = Harness(tmp_path)
    yield it
    it.kill()


@pytest.fixture
def ledger(service: Harness) -> Ledger:
    """What is dropped into the service's inbox, and what must become of it."""
    return Ledger(service.outbox, (service.hold, service.quarantine, service.archive))

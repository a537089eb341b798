"""The table of faults: each row of what the service must survive, and the tests that hold it.

    make faults

runs every row's tests against the real service and prints the table with times; `test_faults_table.py` holds that no row is
without a test. A test of the ordinary suite that does the same with the real service is named here and not written twice.
"""

from __future__ import annotations

from typing import Any

import pytest

ROWS: dict[str, str] = {
    "kill -9 at every step": "one drop, one result; the original is there until its result is durable",
    "disk full": "that inbox pauses, an alarm event, resumes by itself, no attempt charged",
    "errors of a share": "the inbox is degraded, others go on, nothing is taken for deleted",
    "a mount that hangs": "the other inboxes go on; shutdown ends in time",
    "inbox unmounted, remounted, renamed, recreated": "noticed; the bare mount point is never scanned; no second result",
    "queue overflow, watch limit": "at once a scan; polling as fallback; told",
    "clock jump, mtime in the future": "quiet time is monotonic; mtime is compared for equality only",
    "half-written, appended, stalled, reopened": "settling; a notice; optional done-marker",
    "changed, replaced or deleted while read": "settle again, or vanished",
    "truncated but stable": "strict decode, quarantine",
    "same name, same content, name taken": "new job; the duplicate policy; never overwritten",
    "odd names": "bytes end to end; never told",
    "links, pipes, devices, sockets": "not read",
    "inbox and outbox the same or nested": "configuration refused by device and inode",
    "100,000 files waiting": "bounded memory, the first result soon, fair between inboxes",
    "huge file, pixel bomb, 65,000 px wide": "quarantine with the limit named",
    "a worker that dies, hangs or lies": "attempts counted, then quarantine; the pool stays full",
    "a worker that cannot start": "the service stops with its own exit code",
    "weights missing or changed": "refuses to start",
    "SIGTERM, SIGINT, SIGHUP": "drain to a deadline; a bad file changes nothing",
    "journal corrupt, absent, older": "rebuilt safely or refused; never redone silently",
    "two daemons": "the second refuses",
    "canaries": "no name, text or place in anything that is told",
    "real peers": "SMB, FTP, rename and slow writers: each photo once, whole",
    "fairness": "a flood in one inbox does not starve another; oldest first",
}
"""What happens, and the right behaviour."""

ELSEWHERE: dict[str, tuple[str, ...]] = {}
"""Tests of the ordinary suite that hold a row with the real service: `file::test`."""


def fault(row: str) -> Any:
    """Mark a test as one of this row's."""
    assert row in ROWS, row
    return pytest.mark.fault(row)

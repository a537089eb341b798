"""The table of faults: each row of what the service must survive, and the tests that hold it.

    make faults

runs every row's tests against the real service and prints the table with times. `test_faults_table.py` holds that no row is
without a test. A test of the ordinary suite that does the same with real processes is named here and not written twice.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

ROWS: dict[str, str] = {
    "kill -9 at every step": "one drop, one result; the original is there until its result is durable",
    "disk full": "that inbox pauses, an alarm event, resumes by itself, no attempt charged",
    "errors of a share": "the inbox is degraded, others go on, nothing is taken for deleted",
    "a mount that hangs": "the other inboxes go on; shutdown ends in time",
    "inbox unmounted, remounted, renamed, recreated": "noticed; the bare mount point is never scanned; no second result",
    "a folder of results unmounted and remounted": "nothing is written to the bare mount point; photos wait, also at a start",
    "queue overflow, watch limit": "at once a scan; polling as fallback; told",
    "clock jump, mtime in the future": "quiet time is monotonic; mtime is compared for equality only",
    "half-written, appended, stalled, reopened": "settling; a notice; optional done-marker",
    "changed, replaced or deleted while read": "settle again, or vanished",
    "truncated but stable": "strict decode, quarantine",
    "same name, same content, name taken": "new job; the duplicate policy; never overwritten",
    "odd names": "bytes end to end; never told",
    "a name or a size that a folder does not take": "that photo is quarantined under a plain name; all others go on",
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
    "another file under a known name or inode": "content decides; nothing is given up or delivered for it",
    "the share is away": "absence is unknown; nothing is concluded, and no second result when it is back",
    "touched, renamed, moved, called otherwise": "the same photo is no new drop; rows go along, or the change is refused",
    "an original that cannot be retired yet": "owed, told, and tried again until it is done",
    "a copier that stalls": "waited for while the file is open, hollow or ends in zeros; a changed original supersedes its result",
    "canaries": "no name, text or place in anything that is told",
    "real peers": "SMB, FTP, rename and slow writers: each photo once, whole",
    "fairness": "a flood in one inbox does not starve another; oldest first",
}
"""What happens, and the right behaviour."""

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "kill -9 at every step": (
        "tests/service/test_recovery_kill.py",
        "tests/service/test_service.py::test_kill_9_costs_nothing",
    ),
    "half-written, appended, stalled, reopened": (
        "tests/service/test_service.py::test_a_growing_file_is_not_read_early",
    ),
    "changed, replaced or deleted while read": (
        "tests/intake/test_claim.py::test_what_changes_while_it_is_read_is_not_taken",
    ),
    "same name, same content, name taken": (
        "tests/service/test_service.py::test_a_taken_name_is_never_overwritten",
        "tests/service/test_service.py::test_duplicates_may_be_skipped",
        "tests/service/test_service.py::test_the_same_content_at_the_same_time_is_worked_on_once",
    ),
    "a worker that dies, hangs or lies": (
        "tests/pool/test_pool.py::test_each_cause_has_its_reason",
        "tests/service/test_service.py::test_a_killed_worker_is_replaced",
    ),
    "weights missing or changed": ("tests/pool/test_pool.py::test_a_worker_without_its_weights_refuses",),
    "journal corrupt, absent, older": (
        "tests/journal/test_journal_disk.py::test_a_journal_that_cannot_be_trusted_is_refused",
    ),
}
"""Tests of the ordinary suite that hold a row too, with real files and processes."""


def fault(row: str) -> Any:
    """Mark a test as one of this row's."""
    assert row in ROWS, row
    return pytest.mark.fault(row)


@dataclasses.dataclass
class Line:
    """What the tests of one row came to."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0


class Printer:
    """A plug-in of pytest that prints the table in the end."""

    def __init__(self) -> None:
        self.rows_of: dict[str, set[str]] = {}
        self.lines: defaultdict[str, Line] = defaultdict(Line)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            rows = {mark.args[0] for mark in item.iter_markers("fault")}
            name = item.nodeid.partition("[")[0]
            rows |= {row for row, tests in ELSEWHERE.items() if name in tests or name.partition("::")[0] in tests}
            self.rows_of[item.nodeid] = rows

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for row in self.rows_of.get(report.nodeid, ()):
            line = self.lines[row]
            line.seconds += report.duration
            line.skipped += report.skipped
            line.failed += report.failed
            line.passed += report.passed and report.when == "call"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("faults")
        for row, behaviour in ROWS.items():
            line = self.lines[row]
            mark = (
                "FAILED" if line.failed or not (line.passed or line.skipped) else "passed" if line.passed else "skipped"
            )
            counts = f"{line.passed} passed" + "".join(
                f", {count} {word}" for count, word in ((line.failed, "failed"), (line.skipped, "skipped")) if count
            )
            terminalreporter.write_line(f"{mark:7} {line.seconds:6.1f} s  {row}: {behaviour} ({counts})")


def main() -> int:
    """Run all tests of the table and print it. Returns pytest's exit code."""
    elsewhere = sorted({test for tests in ELSEWHERE.values() for test in tests})
    arguments = ["-q", "--timeout", "300", "-rs", "tests/faults", *elsewhere, *sys.argv[1:]]
    return int(pytest.main(arguments, plugins=[Printer()]))


if __name__ == "__main__":
    sys.exit(main())

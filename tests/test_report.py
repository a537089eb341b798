"""`facewarden report`: figures that are right, a chain that shows changes, a page that stands alone."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.daemon import Daemon, wait_until

from facewarden import config, ledger

Portrait = Callable[[int], bytes]
DAY = 86_400


def report(daemon: Daemon, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*daemon.command("report"), *more], capture_output=True, text=True, check=False)


def worked(daemon: Daemon, portrait: Portrait) -> Path:
    """Two photos of yesterday, delivered and quarantined, chained by the service itself; returns the ledger."""
    daemon.configure(originals="archive")
    daemon.drop("Kowalska.jpg", portrait(1))
    daemon.drop("Kowalska.txt", b"no picture")
    assert daemon.once() == 1
    file = daemon.folder / "state" / ledger.FILE
    file.unlink(missing_ok=True)
    with sqlite3.connect(daemon.folder / "state/journal.sqlite") as journal:
        journal.execute("UPDATE jobs SET ended_at = ended_at - ?", (DAY,))
    daemon.start()
    wait_until(file.exists, "yesterday is written")
    assert daemon.stop() == 0
    return file


def test_a_day_in_every_form_and_its_chain(daemon: Daemon, portrait: Portrait) -> None:
    """Counts and reasons agree in JSON, CSV and the page; no name is in any; whoever changes a figure is found out."""
    file = worked(daemon, portrait)
    told = json.loads(report(daemon, "--json").stdout)
    yesterday, today = told["days"]
    inbox = yesterday["inboxes"]["photos"]
    assert told["whole"] is True
    assert (inbox["delivered"], inbox["quarantined"], inbox["regions"]) == (1, 1, 1)
    assert inbox["reasons"] == {"not_a_picture": 1}
    assert yesterday["recall"]["passed"] is True
    assert len(yesterday["weights"]["blazeface"]) == 64
    assert "hash" not in today
    first, _ = csv.DictReader(io.StringIO(report(daemon, "--csv").stdout))
    assert (first["day"], first["delivered"], first["reasons"]) == (yesterday["day"], "1", "not_a_picture:1")
    page = report(daemon, "--html").stdout
    assert page.startswith("<!doctype html>")
    assert "The chain of days is whole" in page
    assert not re.search(r"https?://|<script|<link|<img|url\(", page)
    for text in (json.dumps(told), page, file.read_text()):
        assert "Kowalska" not in text
        assert str(daemon.folder) not in text
    assert report(daemon, "--verify").stdout.startswith("1 days, whole; newest hash ")
    file.write_text(file.read_text().replace('"quarantined": 1', '"quarantined": 0'))
    done = report(daemon, "--verify")
    assert (done.returncode, done.stderr) == (1, f"the chain is broken at {yesterday['day']}\n")
    assert "The chain is broken" in report(daemon, "--html").stdout
    assert report(daemon, "--csv", "--html").returncode == 2


def chained(daemon: Daemon, days: int) -> list[ledger.Entry]:
    """So many empty days, as the service would write them."""
    configuration = config.load(daemon.file)
    (daemon.folder / "state").mkdir(exist_ok=True)
    begin = datetime.date(2026, 2, 27)
    for number in range(days):
        assert ledger.write_days(configuration, begin + datetime.timedelta(days=number), {"passed": True}) == 1
    return list(ledger.read(daemon.folder / "state"))


def test_days_that_were_missed_are_made_up_for(daemon: Daemon) -> None:
    """A service that was off for three days writes all three; twice a day writes nothing twice."""
    chained(daemon, 1)
    configuration = config.load(daemon.file)
    assert ledger.write_days(configuration, datetime.date(2026, 3, 2), None) == 3
    assert ledger.write_days(configuration, datetime.date(2026, 3, 2), None) == 0
    entries = list(ledger.read(daemon.folder / "state"))
    assert [entry["day"] for entry in entries] == ["2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01"]
    assert ledger.first_fault(entries) is None


@pytest.mark.parametrize("harm", ["change", "remove", "swap", "insert", "rehash"])
def test_each_change_breaks_the_chain(daemon: Daemon, harm: str) -> None:
    """A figure changed, a day removed, swapped, written twice, or changed with a hash that fits it."""
    entries = chained(daemon, 4)
    if harm == "change":
        entries[1]["version"] = "9"
    elif harm == "remove":
        del entries[1]
    elif harm == "swap":
        entries[1], entries[2] = entries[2], entries[1]
    elif harm == "insert":
        entries.insert(1, entries[1])
    else:
        entries[1]["version"] = "9"
        entries[1]["hash"] = ledger.hash_of(entries[1])
    assert ledger.first_fault(entries) is not None

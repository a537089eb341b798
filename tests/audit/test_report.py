"""`facewarden report`: figures that are right, a chain that shows changes, a page that stands alone."""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import json
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.daemon import Daemon, wait_until

from facewarden import config
from facewarden.audit import accounts, chaining, ledger
from facewarden.journal import Journal

Portrait = Callable[[int], bytes]
DAY = 86_400
ROOT = Path(__file__).resolve().parents[2]


def report(daemon: Daemon, *more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | daemon.environment
    command = [*daemon.command("report"), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def by_clock(daemon: Daemon, days: float) -> None:
    """From now on every process of the service lives so many days later, or earlier."""
    daemon.module, daemon.environment = "tests.clock", {"CLOCK_SHIFT": str(days * DAY), "PYTHONPATH": str(ROOT)}


def settled(daemon: Daemon) -> None:
    """The right time again: a start notes every day but today."""
    by_clock(daemon, 0)
    chaining.write_days(config.load(daemon.file))


def worked(daemon: Daemon, portrait: Portrait) -> Path:
    """Two photos of yesterday, delivered and quarantined, chained by the service itself; returns the ledger."""
    daemon.configure(originals="archive")
    daemon.drop("Kowalska.jpg", portrait(1))
    daemon.drop("Kowalska.txt", b"no picture")
    by_clock(daemon, -1)
    assert daemon.once() == 1
    by_clock(daemon, 0)
    daemon.start()
    wait_until(lambda: daemon.told("days_written"), "yesterday is noted")
    assert daemon.stop() == 0
    return daemon.folder / "state" / ledger.FILE


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
    """So many days with one self-test each, as the service would write them."""
    configuration = config.load(daemon.file)
    configuration.state.mkdir(exist_ok=True)
    with contextlib.closing(Journal(configuration.state)) as journal:
        for day in (str(datetime.date(2026, 2, 26) + datetime.timedelta(days=number)) for number in range(days)):
            journal.note_test(day, passed=True)
    assert chaining.write_days(configuration, "2026-11-30") == (days, False)
    return ledger.read(configuration.state)


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


def counted(daemon: Daemon) -> dict[str, int]:
    """What the report counts, over all days."""
    days = json.loads(report(daemon, "--since", "1970-01-01").stdout)["days"]
    return {word: sum(day["inboxes"]["photos"][word] for day in days) for word in ("delivered", "held", "quarantined")}


def reconciled(daemon: Daemon) -> dict[str, int]:
    (account,) = accounts.accounts(config.load(daemon.file))
    return {"delivered": account.delivered, "held": account.held, "quarantined": account.quarantined}


@pytest.mark.parametrize("ahead", [2, 400, -5, -4000])
def test_whatever_the_clock_did_each_outcome_counts_once(daemon: Daemon, portrait: Portrait, ahead: float) -> None:
    """Right, wrong for one run, and right again: report and accounts agree, no day stands twice, the wrong one is told."""
    daemon.configure({"journal_days": None}, originals="archive")
    for number, days in enumerate((-3, ahead, -1)):
        by_clock(daemon, days)
        daemon.drop(f"{number}.jpg", portrait(number))
        daemon.drop(f"{number}.txt", b"no picture")
        assert daemon.once() == 1
    settled(daemon)
    settled(daemon)
    assert counted(daemon) == reconciled(daemon) == {"delivered": 3, "held": 0, "quarantined": 3}
    rows = list(csv.DictReader(io.StringIO(report(daemon, "--csv").stdout)))
    assert len({row["day"] for row in rows}) == len(rows)
    wrong = datetime.datetime.fromtimestamp(time.time() + ahead * DAY, datetime.UTC).date().isoformat()
    assert [row["day"] for row in rows if row["clock"]] == [wrong]
    assert f"happened on others: {wrong}" in report(daemon, "--html").stdout
    assert "whole" in report(daemon, "--verify").stdout


def test_a_day_before_a_long_gap_is_not_lost(daemon: Daemon, portrait: Portrait) -> None:
    """A service that comes back after more than a year notes the day on which it worked last, and no empty ones."""
    daemon.drop("one.jpg", portrait(1))
    by_clock(daemon, -500)
    assert daemon.once() == 0
    settled(daemon)
    assert len(ledger.read(daemon.folder / "state")) == 1
    assert counted(daemon)["delivered"] == 1


def test_forgetting_by_a_clock_ahead_leaves_no_day_out(daemon: Daemon, portrait: Portrait) -> None:
    """Rows that leave before their day is noted are counted all the same; days that never were are not noted."""
    daemon.configure({"journal_days": 30}, originals="archive")
    daemon.drop("one.jpg", portrait(1))
    by_clock(daemon, 0)
    assert daemon.once() == 0
    by_clock(daemon, 400)
    daemon.start()
    wait_until(lambda: daemon.told("forgotten"), "the row leaves")
    assert daemon.stop() == 0
    assert reconciled(daemon)["delivered"] == 0
    settled(daemon)
    assert counted(daemon)["delivered"] == 1
    assert len(ledger.read(daemon.folder / "state")) <= 2


def test_a_released_result_counts_once(daemon: Daemon) -> None:
    """Held on a day that is noted, delivered today: its day is corrected, and no clock is blamed for that."""
    daemon.configure(without_face="hold", originals="archive")
    Image.new("RGB", (200, 160), "grey").save(daemon.inbox / "nobody.png")
    by_clock(daemon, -1)
    assert daemon.once() == 0
    settled(daemon)
    assert counted(daemon) == {"delivered": 0, "held": 1, "quarantined": 0}
    (path,) = daemon.hold.glob("*.png")
    subprocess.run([*daemon.command("release"), path], check=True, env=os.environ | daemon.environment)
    settled(daemon)
    assert counted(daemon) == reconciled(daemon) == {"delivered": 1, "held": 0, "quarantined": 0}
    assert not any(day["doubtful"] for day in json.loads(report(daemon).stdout)["days"])


def test_the_self_test_stands_on_its_own_day(daemon: Daemon) -> None:
    """Yesterday's start found all faces; today nothing was tried yet, and for the day before there is no line."""
    by_clock(daemon, -1)
    assert daemon.once() == 0
    settled(daemon)
    told = json.loads(report(daemon).stdout)["days"]
    assert [day["recall"] and day["recall"]["passed"] for day in told] == [True, None]
    assert [row["recall"] for row in csv.DictReader(io.StringIO(report(daemon, "--csv").stdout))] == [
        "found",
        "not tried",
    ]


TEARS: dict[str, Callable[[bytes], bytes]] = {
    "half a line": lambda data: data[: len(data) - 100],
    "without its last line": lambda data: data[: data.rindex(b"\n", 0, len(data) - 1) + 1],
    "deleted": lambda data: b"",
    "a figure": lambda data: data.replace(b'"found": 1', b'"found": 2', 1),
    "somebody's words": lambda data: data + b"words",
}


@pytest.mark.parametrize("how", TEARS)
def test_a_torn_ledger_is_mended(daemon: Daemon, how: str) -> None:
    """What a full disk cut off is written; a file that anybody changed is set aside, and written anew; then all is whole."""
    chained(daemon, 3)
    configuration = config.load(daemon.file)
    file = configuration.state / ledger.FILE
    whole = file.read_bytes()
    torn = TEARS[how](whole)
    file.write_bytes(torn)
    ours = whole.startswith(torn)
    assert chaining.write_days(configuration) == (0, not ours)
    assert file.read_bytes() == whole
    aside = configuration.state / "ledger.torn"
    assert aside.exists() != ours
    assert ours or aside.read_bytes() == torn
    assert chaining.write_days(configuration) == (0, False), "told once"


def test_an_older_ledger_is_taken_over(daemon: Daemon, portrait: Portrait) -> None:
    """Lines that the journal does not know are chained on, and what they counted is not counted again."""
    daemon.drop("one.jpg", portrait(1))
    by_clock(daemon, -1)
    assert daemon.once() == 0
    settled(daemon)
    before = ledger.read(daemon.folder / "state")
    with contextlib.closing(sqlite3.connect(daemon.folder / "state/journal.sqlite")) as journal:
        journal.execute("DELETE FROM ledger")
        journal.execute(
            "INSERT INTO tallies SELECT date(ended_at, 'unixepoch'), inbox, outcome, reason, 1, regions FROM jobs"
        )
        journal.commit()
    settled(daemon)
    assert ledger.read(daemon.folder / "state") == before
    assert counted(daemon)["delivered"] == 1


def test_what_a_changed_ledger_says_is_shown_and_not_run(daemon: Daemon) -> None:
    """Neither a browser nor a spreadsheet takes words of a line that somebody wrote for its own."""
    chained(daemon, 1)
    file = daemon.folder / "state" / ledger.FILE
    (entry,) = ledger.read(daemon.folder / "state")
    entry |= {"day": "2999<b>", "version": "=cmd()", "hash": "<script>"}
    entry["inboxes"] = {"@<script>": entry["inboxes"]["photos"]}
    file.write_text(json.dumps(entry) + "\n")
    page = report(daemon, "--html").stdout
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "2999<b>" not in page
    rows = list(csv.DictReader(io.StringIO(report(daemon, "--csv").stdout)))
    assert [(row["inbox"], row["version"]) for row in rows if row["day"] == "2999<b>"] == [("'@<script>", "'=cmd()")]

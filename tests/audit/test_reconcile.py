"""`facewarden reconcile`: the accounts agree after honest work, and each kind of difference is found."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.daemon import Daemon

from facewarden.cli.terminal import NO_JOURNAL

Portrait = Callable[[int], bytes]


def reconciled(daemon: Daemon) -> tuple[int, dict[str, Any]]:
    """The command's exit code, and the row of the only inbox."""
    command = [sys.executable, "-m", "facewarden", "reconcile", "--json", "-c", str(daemon.file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not ended.stderr or ended.stderr.startswith("there is no journal")
    told = json.loads(ended.stdout)
    (row,) = told["inboxes"]
    assert told["agrees"] == row["agrees"] == (ended.returncode == 0)
    return ended.returncode, row


def worked_off(daemon: Daemon, portrait: Portrait, prefix: str = "", **profile: Any) -> None:
    """Two photos delivered, one quarantined, one that came afterwards."""
    daemon.configure(**profile)
    daemon.drop(f"{prefix}one.jpg", portrait(1))
    daemon.drop(f"{prefix}two.jpg", portrait(2))
    daemon.drop(f"{prefix}words.jpg", b"these are words")
    assert daemon.once() == 1
    daemon.drop("late.jpg", portrait(3))


def change(daemon: Daemon, statement: str) -> None:
    """Falsify the journal."""
    with sqlite3.connect(daemon.folder / "state/journal.sqlite", isolation_level=None) as database:
        database.execute(statement)


def test_honest_work_agrees(daemon: Daemon, portrait: Portrait) -> None:
    """Whatever the originals' policy, each photo is counted once, also the one that nobody has taken up yet."""
    for policy in ("keep", "archive", "delete"):
        worked_off(daemon, portrait, f"{policy}-", originals=policy)
        _, row = reconciled(daemon)
        assert row["agrees"]
        assert row["waiting"] == 1
        (daemon.inbox / "late.jpg").unlink()
    assert row["in"] == row["delivered"] + row["quarantined"] + row["waiting"] == 10


def test_before_the_first_start_all_waits(daemon: Daemon, portrait: Portrait) -> None:
    """Without a journal everything in the inbox waits, and nothing is made."""
    daemon.drop("one.jpg", portrait(1))
    command = [sys.executable, "-m", "facewarden", "reconcile", "--json", "-c", str(daemon.file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(ended.stdout)
    assert told["inboxes"][0]["waiting"] == 1
    assert (told["agrees"], ended.returncode) == (False, 1), "nobody knows what came in"
    assert ended.stderr == f"{NO_JOURNAL}\n"
    assert not (daemon.folder / "state").exists()


def test_an_original_that_left_without_an_outcome_is_missing(daemon: Daemon, portrait: Portrait) -> None:
    """A job that is open while its original is gone from the inbox makes the accounts differ."""
    worked_off(daemon, portrait, originals="delete")
    change(daemon, "UPDATE jobs SET state = 'claimed', outcome = NULL WHERE source = CAST('one.jpg' AS BLOB)")
    code, row = reconciled(daemon)
    assert (code, row["missing"], row["in"]) == (1, 1, 4)


def test_a_second_result_of_one_original_is_told(daemon: Daemon, portrait: Portrait) -> None:
    """Two outcomes of one version of a file that stands in the inbox make the accounts differ."""
    worked_off(daemon, portrait)
    columns = "inbox, source, inode, size, mtime_ns, content, variant, state, outcome, target, claimed_at"
    change(
        daemon,
        f"INSERT INTO jobs (id, {columns}) SELECT 'again', {columns} FROM jobs WHERE source = CAST('one.jpg' AS BLOB)",
    )
    code, row = reconciled(daemon)
    assert (code, row["twice"]) == (1, 1)


def test_other_content_of_the_same_size_and_date_is_no_second_outcome(daemon: Daemon, portrait: Portrait) -> None:
    """A kept original that was overwritten in place, its date put back, is a drop of its own: two photos, two results."""
    one, two = portrait(1), portrait(2)
    size = max(len(one), len(two))
    kept = daemon.drop("one.jpg", one.ljust(size, b"\0"))
    assert daemon.once() == 0
    before = kept.stat()
    with kept.open("r+b") as file:
        file.write(two.ljust(size, b"\0"))
    os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert daemon.once() == 0
    code, row = reconciled(daemon)
    assert (code, row["delivered"], row["twice"]) == (0, 2, 0)


def test_a_stray_temp_file_is_told(daemon: Daemon, portrait: Portrait) -> None:
    """A temp file of ours that belongs to no open job makes the accounts differ."""
    worked_off(daemon, portrait)
    (daemon.outbox / ".facewarden-0123456789abcdef.part").write_bytes(b"half")
    code, row = reconciled(daemon)
    assert (code, row["stray"]) == (1, 1)


def test_a_folder_out_of_reach_is_told_plainly(daemon: Daemon) -> None:
    """Where the inbox is missing nothing can be counted: exit code 1, a sentence, no path."""
    daemon.inbox.rmdir()
    command = [sys.executable, "-m", "facewarden", "reconcile", "-c", str(daemon.file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"{NO_JOURNAL}\na folder is out of reach: No such file or directory\n"


def test_the_table_is_for_people(daemon: Daemon, portrait: Portrait) -> None:
    """Without --json a table says the same in words, and holds no file name."""
    worked_off(daemon, portrait)
    command = [sys.executable, "-m", "facewarden", "reconcile", "-c", str(daemon.file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={"COLUMNS": "200"})
    assert ended.returncode == 0
    assert "agrees" in ended.stdout
    assert "delivered" in ended.stdout
    assert ".jpg" not in ended.stdout

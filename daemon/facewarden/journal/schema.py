"""The journal's file: made with its mode, brought up to this version, and proved whole.

A journal that an older facewarden wrote is brought up in one transaction, so that a crash leaves the old or the new
one.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from facewarden.errors import FOLDER, JOURNAL_DAMAGED, JOURNAL_NEWER, JOURNAL_OLDER, CannotStart
from facewarden.journal import counting

SCHEMA_VERSION = 7
_FIRST = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    inbox TEXT NOT NULL,
    source BLOB NOT NULL,
    inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content BLOB NOT NULL,
    variant BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT, reason INTEGER NOT NULL DEFAULT 0,
    target BLOB, target_inode INTEGER,
    regions INTEGER NOT NULL DEFAULT 0,
    claimed_at REAL NOT NULL, ended_at REAL
) STRICT;
CREATE INDEX jobs_by_source ON jobs (inbox, source);
CREATE INDEX jobs_by_content ON jobs (content, variant) WHERE outcome IN ('published', 'held');
CREATE INDEX jobs_open ON jobs (inbox) WHERE state <> 'done';
"""
_GONE = "ALTER TABLE jobs ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;"
_ENDED = "CREATE INDEX jobs_ended ON jobs (ended_at, inbox, outcome, reason, regions, state) WHERE state = 'done';"
"""Holds all that the ledger, the status and forgetting ask of old rows (`state` too, or SQLite would look into the
table for it)."""
_IDENTITY = """
ALTER TABLE jobs ADD COLUMN root INTEGER;
ALTER TABLE jobs ADD COLUMN target_size INTEGER;
ALTER TABLE jobs ADD COLUMN target_mtime_ns INTEGER;
ALTER TABLE jobs ADD COLUMN target_content BLOB;
ALTER TABLE jobs ADD COLUMN faceless INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET faceless = 1 WHERE regions = 0;
UPDATE jobs SET ended_at = NULL WHERE state <> 'done';
DROP INDEX jobs_by_content;
CREATE INDEX jobs_by_content ON jobs (content, variant);
CREATE INDEX jobs_owed ON jobs (inbox, ended_at) WHERE owed;
CREATE TABLE folders (
    inbox TEXT NOT NULL, role TEXT NOT NULL,
    path BLOB NOT NULL, device INTEGER NOT NULL, number INTEGER NOT NULL, mount_point BLOB NOT NULL,
    PRIMARY KEY (inbox, role)
) STRICT;
"""
"""A file is known by more than its inode, an original by the folder it lies in, an inbox by its folder."""
_UNTOUCHED = "ALTER TABLE jobs ADD COLUMN ctime_ns INTEGER;"
"""Of rows of an older facewarden it is not known, and not asked."""
_FAILURES = """
ALTER TABLE jobs ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0;
"""
"""Attempts that a worker's failure ended are told from those that the service's own end cut off; and results that were
put into a folder that is no longer the outbox from those that are missing there."""
_COUNTED = counting.TABLES + counting.INDEXES
_STEPS: tuple[str, ...] = (_FIRST, _GONE, _ENDED, _IDENTITY, _UNTOUCHED, _COUNTED, _FAILURES)
"""What makes each version out of the one before it; the first out of nothing."""

FILE = "journal.sqlite"
_MADE_LATER = ("key", "results")
"""What a service makes in its state folder after its journal: where one of them is, there was a journal."""


_RIGHTS = "the journal may not be read or written: only the service's user (or root) may"
_FULL = "the disk is full: make room"
_READ_ONLY = "the journal cannot be written: mount its disk for writing, or ask as the service's user (or root)"
_FAILS = "the journal is out of reach: see to its disk, and make room where it is full"
_TROUBLES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: "another program has the journal locked: try again when it is done",
    sqlite3.SQLITE_LOCKED: "another program has the journal locked: try again when it is done",
    sqlite3.SQLITE_CANTOPEN: "the journal cannot be opened: only the service's user (or root) may, where a disk has room and is writable",
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _FAILS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_AUTH: _RIGHTS,
}
"""What is said of a journal that SQLite cannot reach, by its primary result code. All else is damage."""
_ERRNOS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
}


def refusal_of(error: Exception) -> CannotStart:
    """Why the journal cannot be had: FOLDER with what to do, or JOURNAL_DAMAGED.

    Neither SQLite's words nor a path are in it. Only damage may be called damage: it is answered by moving a journal
    away, and a good one would be lost by that.
    """
    if isinstance(error, OSError):
        said = _ERRNOS.get(error.errno or 0, _FAILS)
    else:
        said = _TROUBLES.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF, "")
    return CannotStart(FOLDER, (f"state: {said}",)) if said else CannotStart(JOURNAL_DAMAGED)


def is_there(state: Path) -> bool:
    """Whether a state folder has a journal. Raises CannotStart(FOLDER) where nobody may look."""
    return _stands(state / FILE)


def require_not_lost(state: Path) -> bool:
    """Whether there is a journal.

    Raises CannotStart: JOURNAL_DAMAGED where there was one, FOLDER where nobody may look.
    """
    if is_there(state):
        return True
    if any(_stands(state / name) for name in _MADE_LATER):
        # A fresh one would know of no result: all that was kept in the inboxes would be delivered a second time.
        raise CannotStart(JOURNAL_DAMAGED)
    return False


def _stands(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refusal_of(error) from None
    return True


def open_file(state: Path) -> sqlite3.Connection:
    """The journal's file, made where the state folder is new. Raises CannotStart(JOURNAL_DAMAGED) where it was lost."""
    file = state / FILE
    require_not_lost(state)
    # Created by us with its mode, because SQLite would follow the umask; its other files take the mode of this one.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(file, check_same_thread=False, isolation_level=None)


def prepare(database: sqlite3.Connection) -> None:
    """Bring the file up to this version.

    Raises sqlite3.DatabaseError where it is none of ours, or an older one is damaged. One of this version is not proved
    here, because that reads all of it: see `whole`.
    """
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise CannotStart(JOURNAL_NEWER)
    if 0 < version < SCHEMA_VERSION and not whole(database):
        raise sqlite3.DatabaseError
    if version < SCHEMA_VERSION:
        steps = " ".join(_STEPS[version:])
        database.executescript(f"BEGIN; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    if not _ours(database):
        raise sqlite3.DatabaseError


def require_version(database: sqlite3.Connection) -> None:
    """Raises CannotStart (JOURNAL_OLDER or JOURNAL_NEWER) where it is not of this version.

    Whoever looks from outside changes nothing.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise CannotStart(JOURNAL_OLDER if version < SCHEMA_VERSION else JOURNAL_NEWER)


def whole(database: sqlite3.Connection) -> bool:
    """Whether it is a journal of ours, and SQLite finds nothing wrong with it."""
    return _ours(database) and database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)


def _ours(database: sqlite3.Connection) -> bool:
    return bool(database.execute("PRAGMA table_info(jobs)").fetchone())

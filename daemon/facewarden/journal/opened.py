"""The journal's file while the service has it: locked, proved, written in transactions that end on the disk."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from facewarden import files
from facewarden.errors import ALREADY_RUNNING, JOURNAL_DAMAGED, CannotStart
from facewarden.files.failing import FolderFailedError
from facewarden.journal import counting, known
from facewarden.journal.job import COLUMNS, Job, job_of
from facewarden.journal.known import KnownFolder
from facewarden.journal.schema import FILE, open_file, prepare, refusal_of, whole
from facewarden.key import read_key


class Opened:
    """Holds the lock of its state folder until closed. Thread-safe.

    Raises CannotStart: ALREADY_RUNNING where another process holds the lock, JOURNAL_DAMAGED (or missing where
    there was one), JOURNAL_NEWER, FOLDER.
    """

    def __init__(self, state: Path, *, proved: bool = True) -> None:
        """Without `proved` the caller calls `prove` before it believes anything that the journal says."""
        self.state = state
        self._guard = threading.Lock()
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(files.lock(state / "lock"))
                self._database = opened.enter_context(contextlib.closing(open_file(state)))
                prepare(self._database)
            except BlockingIOError:
                raise CannotStart(ALREADY_RUNNING) from None
            except (
                OSError,
                sqlite3.Error,
                UnicodeDecodeError,
            ) as error:  # SQLite quotes a damaged schema in its errors
                raise refusal_of(error) from None
            if proved:
                self.prove()
            self.key = read_key(state)
            """The state folder's secret, under which contents are known here."""
            self._file = _file_in(state)
            self._opened = opened.pop_all()

    def require_in_place(self) -> None:
        """Raises CannotStart(JOURNAL_DAMAGED) where the state folder was taken away or replaced.

        What is noted would be lost.
        """
        if _file_in(self.state) != self._file:
            raise CannotStart(JOURNAL_DAMAGED)

    def prove(self) -> None:
        """Read all of it.

        Raises CannotStart: JOURNAL_DAMAGED where SQLite finds something wrong, FOLDER where it cannot look.
        """
        try:
            with self._using() as database:
                if not whole(database):
                    raise CannotStart(JOURNAL_DAMAGED)
        except OSError as error:
            raise refusal_of(error) from None

    def close(self) -> None:
        with self._guard:
            self._opened.close()

    def known_folders(self) -> list[KnownFolder]:
        """Every folder that was noted."""
        with self._using() as database:
            return [KnownFolder(*row) for row in database.execute(f"SELECT {known.COLUMNS} FROM folders")]  # noqa: S608 - constants

    def note_folder(self, folder: KnownFolder) -> None:
        """This folder is the inbox's from now on."""
        with self._writing() as database:
            database.execute(
                f"INSERT OR REPLACE INTO folders ({known.COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
                dataclasses.astuple(folder),
            )

    def note_test(self, day: str, *, passed: bool) -> None:
        """One more self-test of drawn faces was made on this day (UTC)."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO days VALUES (?, ?, ?) ON CONFLICT (day)"
                " DO UPDATE SET found = found + excluded.found, missed = missed + excluded.missed",
                (day, passed, not passed),
            )

    def rename_inboxes(self, names: dict[str, str]) -> None:
        """Carry the rows of inboxes that the configuration calls otherwise now from the old name (key) to the new."""
        with self._writing() as database:
            for old, new in [*((old, f"/{old}") for old in names), *((f"/{old}", new) for old, new in names.items())]:
                for statement in filter(None, map(str.strip, counting.RENAME.split(";"))):
                    database.execute(statement, {"old": old, "new": new})
            for table in ("jobs", "folders"):
                # In two steps, for two inboxes may have changed names.
                for old in names:
                    database.execute(f"UPDATE {table} SET inbox = '/' || inbox WHERE inbox = ?", (old,))  # noqa: S608 - constants
                for old, new in names.items():
                    database.execute(f"UPDATE OR REPLACE {table} SET inbox = ? WHERE inbox = '/' || ?", (new, old))  # noqa: S608 - constants

    def results_elsewhere(self, inbox: str) -> None:
        """The inbox has another outbox from now on: its results lie where nobody looks any more."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET elsewhere = 1 WHERE inbox = ? AND outcome = 'published'", (inbox,))

    def adopt_originals(self, inbox: str, root: int) -> None:
        """The inbox's folder is the same one, and has another number now."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET root = ? WHERE inbox = ? AND root <> ?", (root, inbox, root))

    def _select(self, where: str, values: tuple[object, ...]) -> list[Job]:
        with self._using() as database:
            return [job_of(row) for row in database.execute(f"SELECT {COLUMNS} FROM jobs WHERE {where}", values)]  # noqa: S608 - constants

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._using() as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """Disk full or out of reach raises OSError, as any other folder that fails; damage raises CannotStart."""
        with self._guard:
            try:
                yield self._database
            except sqlite3.OperationalError as error:
                full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
                trouble = OSError(errno.ENOSPC if full else errno.EIO, "the journal is out of reach")
                raise FolderFailedError("state", trouble) from error
            except sqlite3.DatabaseError:
                raise CannotStart(JOURNAL_DAMAGED) from None


def _file_in(state: Path) -> tuple[int, int] | None:
    """Which file is the journal there; None where none is."""
    try:
        status = (state / FILE).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino

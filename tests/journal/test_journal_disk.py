"""The journal on its disk: durable and private; damage, no rights and a full disk are told by name, and nothing is worse."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms import CANARY, bound_by_rights, open_descriptors, quick_folder, small_disk

from facewarden.errors import ALREADY_RUNNING, FOLDER, JOURNAL_DAMAGED, JOURNAL_NEWER, CannotStart
from facewarden.files import Identity, Signature
from facewarden.journal import Job, Journal, schema

SIGNATURE = Signature(1, 2, 3)


@pytest.fixture
def state() -> Iterator[Path]:
    """A fresh state folder."""
    with quick_folder() as folder:
        yield folder


FILE = Identity(7, 100, 5, b"result")


def claim(journal: Journal, source: bytes = b"photo.jpg", signature: Signature = SIGNATURE) -> Job:
    return journal.claim("photos", source, signature, b"content", b"variant")


def finish(journal: Journal, job: Job) -> None:
    journal.placing(job, "published", job.source, FILE, regions=2)
    journal.placed(job)
    journal.done(job)


def test_what_was_written_survives_kill_9(state: Path) -> None:
    """A process that is killed right after a call returned has left that call's row for the next one."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        journal = Journal(state)
        job = claim(journal)
        journal.attempt(job)
        journal.placing(job, "published", b"photo.jpg", FILE)
        os.write(writer, job.id.encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(writer)
    with contextlib.closing(Journal(state)) as journal, open(reader, "rb") as said:
        (job,) = journal.unfinished()
        assert (job.id, job.state, job.attempts) == (said.read().decode(), "placing", 1)


def test_only_its_owner_may_read_it(state: Path) -> None:
    """Whatever the umask, each file of the journal is readable by the service's user alone."""
    old = os.umask(0)
    try:
        with contextlib.closing(Journal(state)) as journal:
            claim(journal)
            modes = {file.name: file.stat().st_mode & 0o777 for file in state.iterdir()}
    finally:
        os.umask(old)
    assert {"journal.sqlite", "journal.sqlite-wal", "lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_one_journal_has_one_user(state: Path) -> None:
    """A second opening of the same state folder is refused, and leaves nothing open; after the first closes it works."""
    with contextlib.closing(Journal(state)):
        before = open_descriptors()
        with pytest.raises(CannotStart) as refused:
            Journal(state)
        assert refused.value.reason is ALREADY_RUNNING
        assert open_descriptors() == before
    Journal(state).close()


def spoil(state: Path, how: str) -> None:
    file = state / "journal.sqlite"
    if how == "garbage":
        file.write_bytes(CANARY.encode() * 1000)
    elif how == "truncated":
        os.truncate(file, file.stat().st_size // 2)
    elif how == "zeroes":
        file.write_bytes(file.read_bytes()[:200] + bytes(file.stat().st_size - 200))
    else:
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("garbage", JOURNAL_DAMAGED),
        ("truncated", JOURNAL_DAMAGED),
        ("zeroes", JOURNAL_DAMAGED),
        ("newer", JOURNAL_NEWER),
    ],
)
def test_a_journal_that_cannot_be_trusted_is_refused(state: Path, how: str, reason: object) -> None:
    """Damage and a newer version are named, the file stays as it is, and the lock is free again."""
    with contextlib.closing(Journal(state)) as journal:
        for number in range(50):
            claim(journal, b"%d" % number * 50)
    spoil(state, how)
    data = (state / "journal.sqlite").read_bytes()
    before = open_descriptors()
    for _ in range(2):
        with pytest.raises(CannotStart) as refused:
            Journal(state)
        assert refused.value.reason is reason
        assert CANARY not in str(refused.value) + repr(refused.value.faults)
    assert open_descriptors() == before
    assert (state / "journal.sqlite").read_bytes() == data


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with some jobs in every state, closed."""
    folder = tmp_path_factory.mktemp("worn")
    with contextlib.closing(Journal(folder)) as journal:
        for number in range(40):
            job = claim(journal, b"%d.jpg" % number, Signature(number, number, number))
            if number % 2:
                finish(journal, job)
    return folder / "journal.sqlite"


@given(
    places=st.lists(st.tuples(st.integers(0, 40_000), st.binary(min_size=1, max_size=64)), min_size=1, max_size=6),
    length=st.one_of(st.none(), st.integers(0, 40_000)),
)
@settings(max_examples=100)
def test_no_damage_makes_a_traceback(worn: Path, places: list[tuple[int, bytes]], length: int | None) -> None:
    """However a journal was overwritten or cut, opening and reading it works or is refused by name."""
    with quick_folder() as folder:
        file = folder / "journal.sqlite"
        shutil.copy(worn, file)
        with file.open("r+b") as damaged:
            for place, data in places:
                damaged.seek(place)
                damaged.write(data)
            if length is not None:
                damaged.truncate(length)
        with contextlib.suppress(CannotStart, OSError), contextlib.closing(Journal(folder)) as journal:
            journal.unfinished()
            journal.finished("photos", b"1.jpg", Signature(1, 1, 1))
            finish(journal, claim(journal))


@pytest.mark.parametrize("what", ["no right", "folder in its place", "no such folder"])
def test_a_state_folder_that_cannot_be_used_is_told(tmp_path: Path, what: str) -> None:
    """Where the journal cannot be opened, the service says which key is at fault, without a path."""
    state = tmp_path / CANARY
    if what != "no such folder":
        state.mkdir()
    if what == "folder in its place":
        (state / "journal.sqlite").mkdir()
    if what == "no right":
        state.chmod(0o500)
    with bound_by_rights(), pytest.raises(CannotStart) as refused:
        Journal(state)
    assert refused.value.reason is FOLDER
    assert refused.value.faults[0].startswith("state: ")
    assert CANARY not in str(refused.value) + repr(refused.value.faults)


def test_a_full_disk_is_an_error_that_passes(tmp_path: Path) -> None:
    """A claim that does not fit on the disk raises OSError and leaves no row; with room again the journal goes on."""
    with small_disk(tmp_path / "disk", 512) as disk, contextlib.closing(Journal(disk)) as journal:
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        with pytest.raises(OSError, match="journal"):
            list(map(functools.partial(claim, journal), (b"%d" % number for number in range(200))))
        open_ = [job.source for job in journal.unfinished()]
        assert open_ == [b"%d" % number for number in range(len(open_))]
        filler.unlink()
        claim(journal, b"after")
        assert len(journal.unfinished()) == len(open_) + 1


def test_starting_on_a_full_disk_does_not_blame_the_journal(tmp_path: Path) -> None:
    """Nobody is told to move a good journal away because the disk is full."""
    with small_disk(tmp_path / "disk", 64) as disk:
        (disk / "journal.sqlite").touch()
        (disk / "lock").touch()
        with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        with pytest.raises(CannotStart) as refused:
            Journal(disk)
        assert refused.value.reason is FOLDER


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION))
def test_each_older_version_is_brought_up(state: Path, version: int) -> None:
    """What was delivered under it is known, and the file is as a new one would be, its indexes included."""
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as old:
        old.executescript(" ".join(schema._STEPS[:version]) + f"PRAGMA user_version = {version};")
        old.execute(
            "INSERT INTO jobs (id, inbox, source, inode, size, mtime_ns, content, variant, state, outcome, claimed_at, ended_at)"
            " VALUES ('1', 'photos', x'61', 1, 2, 3, x'00', x'00', 'done', 'published', 1.0, 2.0)"
        )
        old.commit()
    with contextlib.closing(Journal(state)) as journal:
        assert journal.finished("photos", b"a", SIGNATURE)
        assert not journal.finished("photos", b"a", Signature(1, 2, 4))
    (state / "new").mkdir()
    Journal(state / "new").close()
    assert _shape(state) == _shape(state / "new")


def _shape(state: Path) -> list[tuple[object, ...]]:
    """Tables, indexes and the version of a journal's file."""
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as database:
        columns = database.execute("SELECT name, type, dflt_value FROM pragma_table_info('jobs')").fetchall()
        indexes = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name").fetchall()
        return [*columns, *indexes, *database.execute("PRAGMA user_version")]


def test_a_journal_of_a_version_without_jobs_is_refused(state: Path) -> None:
    """A database that is none of ours is not taken for an empty journal."""
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as database:
        database.execute("CREATE TABLE others (x)")
        database.execute("PRAGMA user_version = 1")
        database.commit()
    with pytest.raises(CannotStart) as refused:
        Journal(state)
    assert refused.value.reason is JOURNAL_DAMAGED

"""The journal: what it was told survives any end, nobody else reads it, and damage is refused in a sentence."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms import NASTY, quick_folder

from facewarden.files import Identity, Signature
from facewarden.journal import Job, Journal

SIGNATURE = Signature(1, 2, 3)
EXTREMES = Signature(-(2**63), 2**40, 2**63 - 1)


@pytest.fixture
def state() -> Iterator[Path]:
    """A fresh state folder."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def journal(state: Path) -> Iterator[Journal]:
    """An open journal in the test's own folder."""
    with contextlib.closing(Journal(state)) as opened:
        yield opened


FILE = Identity(7, 100, 5, b"result")


def claim(journal: Journal, source: bytes = b"photo.jpg", signature: Signature = SIGNATURE) -> Job:
    return journal.claim("photos", source, signature, b"content", b"variant")


def finish(journal: Journal, job: Job) -> None:
    journal.placing(job, "published", job.source, FILE, regions=2)
    journal.placed(job)
    journal.done(job)


# A job's life


def test_a_claim_is_taken_up_again(journal: Journal) -> None:
    """The same version of a file gets its unfinished job again, attempts and all; another version gets a new job."""
    first = claim(journal)
    assert (journal.attempt(first), journal.attempt(first)) == (1, 2)
    again = claim(journal)
    assert (again.id, again.attempts) == (first.id, 2)
    other = claim(journal, signature=EXTREMES)
    assert other.id != first.id
    assert other.attempts == 0
    assert journal.counts() == {"open": 1, "vanished": 1}


def test_an_attempt_can_be_taken_back(journal: Journal) -> None:
    """What failed through no fault of the file is not charged to it, and never below nothing."""
    job = claim(journal)
    journal.attempt(job)
    journal.uncount(job)
    journal.uncount(job)
    assert journal.attempt(job) == 1


def test_a_life_from_claim_to_done(journal: Journal) -> None:
    """Each step is seen in the open jobs; once done, this version of the file counts as finished and no other does."""
    job = claim(journal)
    assert [open_.state for open_ in journal.unfinished()] == ["claimed"]
    journal.placing(job, "published", b"photo-2.jpg", FILE, regions=2)
    (placing,) = journal.unfinished()
    assert (placing.state, placing.target, placing.placed) == ("placing", b"photo-2.jpg", FILE)
    assert (placing.outcome, placing.regions) == ("published", 2)
    assert journal.cut_off("photos", b"photo.jpg") == [placing]
    journal.placed(job)
    assert [open_.state for open_ in journal.unfinished()] == ["placed"]
    assert not journal.finished("photos", b"photo.jpg", SIGNATURE)
    journal.done(job)
    assert journal.unfinished() == []
    assert journal.finished("photos", b"photo.jpg", SIGNATURE)
    assert not journal.finished("photos", b"photo.jpg", EXTREMES)
    assert not journal.finished("scans", b"photo.jpg", SIGNATURE)
    assert journal.counts() == {"published": 1}


def test_a_placing_that_did_not_happen_is_taken_back(journal: Journal) -> None:
    """The job waits as claimed again, with nothing said of an outcome."""
    job = claim(journal)
    journal.placing(job, "published", b"photo.jpg", FILE)
    journal.again(job)
    again = claim(journal)
    assert (again.id, again.state, again.outcome, again.target) == (job.id, "claimed", None, None)


def test_a_file_that_vanished_may_come_back(journal: Journal) -> None:
    """Vanished is no outcome of the file's content: the same version is taken again."""
    job = claim(journal)
    journal.vanished(job)
    assert not journal.finished("photos", b"photo.jpg", SIGNATURE)
    assert claim(journal).id != job.id


def test_the_same_content_is_found_again(journal: Journal) -> None:
    """Only jobs that are done and gave a result are offered for the same content and variant, newest first."""
    jobs = [claim(journal, b"%d.jpg" % number) for number in range(4)]
    for job in jobs[:2]:
        finish(journal, job)
    journal.placing(jobs[2], "quarantined", b"2.jpg", FILE, reason=12)
    journal.placed(jobs[2])
    journal.done(jobs[2])
    assert [job.id for job in journal.earlier(b"content", b"variant")] == [jobs[1].id, jobs[0].id]
    assert journal.earlier(b"content", b"another") == []
    assert journal.earlier(b"another", b"variant") == []


def test_a_skipped_job_points_at_the_earlier_result(journal: Journal) -> None:
    """Its result is the earlier one's, so nothing is looked for under its own name."""
    earlier, later = claim(journal, b"a.jpg"), claim(journal, b"b.jpg")
    finish(journal, earlier)
    journal.skipped(later, journal.earlier(b"content", b"variant")[0])
    (job,) = journal.unfinished()
    assert (job.state, job.outcome, job.target, job.regions) == ("placed", "published", b"a.jpg", 2)


@pytest.mark.parametrize("name", NASTY, ids=repr)
def test_any_name_is_kept_to_the_byte(journal: Journal, name: bytes) -> None:
    """Names are bytes in and bytes out, and no part of a query."""
    claim(journal, name, EXTREMES)
    (job,) = journal.unfinished()
    assert (job.source, job.signature) == (name, EXTREMES)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "attempt", "uncount", "placing", "placed", "again", "done", "vanished", "reopen"]),
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=60)
def test_the_journal_is_a_plain_table_to_its_user(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is done in whatever order, with restarts between, the open jobs are those of a table in memory."""
    table: dict[str, tuple[bytes, Signature, str, int]] = {}
    with quick_folder() as folder, contextlib.ExitStack() as opened:
        journal = opened.enter_context(contextlib.closing(Journal(folder)))
        for step, file, version in steps:
            if step == "reopen":
                opened.close()
                journal = opened.enter_context(contextlib.closing(Journal(folder)))
            elif step == "claim":
                _claim_in_both(journal, table, b"%d" % file, Signature(version, 0, 0))
            elif table:
                _step_in_both(journal, table, sorted(table)[file % len(table)], step)
            seen = {job.id: (job.source, job.signature, job.state, job.attempts) for job in journal.unfinished()}
            assert seen == {identity: row for identity, row in table.items() if row[2] != "done"}


Table = dict[str, tuple[bytes, Signature, str, int]]


def _claim_in_both(journal: Journal, table: Table, source: bytes, signature: Signature) -> None:
    mine = [key for key, row in table.items() if row[0] == source and row[2] == "claimed"]
    same = [key for key in mine if table[key][1] == signature]
    job = claim(journal, source, signature)
    if same:
        assert job.id in same
        return
    for key in mine:
        table[key] = (*table[key][:2], "done", table[key][3])
    table[job.id] = (source, signature, "claimed", 0)


def _step_in_both(journal: Journal, table: Table, identity: str, step: str) -> None:
    source, signature, state, attempts = table[identity]
    job = Job(identity, "photos", source, signature)
    if step == "placing":
        journal.placing(job, "published", source, FILE)
    else:
        getattr(journal, step)(job)
    attempts = {"attempt": attempts + 1, "uncount": max(attempts - 1, 0)}.get(step, attempts)
    state = {"placing": "placing", "placed": "placed", "again": "claimed", "done": "done", "vanished": "done"}.get(
        step, state
    )
    table[identity] = (source, signature, state, attempts)


def test_many_threads(journal: Journal) -> None:
    """Carriers write at the same time; each job gets its own id and no write is lost."""

    def work(number: int) -> None:
        for part in range(5):
            job = claim(journal, b"%d-%d" % (number, part))
            journal.attempt(job)
            finish(journal, job)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.counts() == {"published": 30}

"""Releasing: a held result, which a person has looked at, is delivered.

What is delivered are the very bytes that were held, known by their HMAC: whatever else lies under that name by now is
refused. They are copied to the outbox and replace nothing; then the journal follows, and the held file goes last. A
copy that a crash left without its note is known by its bytes, so that doing it again delivers nothing twice.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator

from facewarden import config, files
from facewarden.decide.alone import NotThereError, alone
from facewarden.decide.find import Found
from facewarden.delivery.holding import held_preview, remove_notes
from facewarden.delivery.placing import is_it, is_open
from facewarden.delivery.preview import preview_name
from facewarden.delivery.publish import FOLDER_MODE, joined, put
from facewarden.delivery.results import Results
from facewarden.files import Identity, filename
from facewarden.files.newfile import new_file, place, temporary_name
from facewarden.journal import Job, is_published, jobs_of_target, read_job, released
from facewarden.key import known_key

LOOKED_AT = 1000
"""Numbered names that are looked through for a result that a crash left without its note."""


def release(configuration: config.Configuration, found: Found) -> None:
    """Deliver one held result. Raises NotThereError, OSError where a folder is out of reach, CannotStart."""
    with alone(configuration.state, found.job, "held") as job:
        _release(configuration, found.inbox, job)


def tidy_released(configuration: config.Configuration, inboxes: Iterable[config.Inbox]) -> None:
    """Take away what releases that were cut off at their very end left in the hold folders. Raises CannotStart."""
    for inbox in inboxes:
        with contextlib.suppress(OSError):  # a hold folder that is away has nothing to be tidied now
            _tidy_inbox(configuration, inbox)


def _tidy_inbox(configuration: config.Configuration, inbox: config.Inbox) -> None:
    """Take away what a release that was cut off at its very end left in the hold folder: the copy, and last its note.

    Raises OSError where the folder is out of reach, CannotStart where the journal is.
    """
    key = known_key(configuration.state)
    root = inbox.folder("hold")
    for note in sorted(root.rglob("*.facewarden-*.txt")):
        name, _, job_id = note.name.removesuffix(".txt").rpartition(".facewarden-")
        job = read_job(configuration.state, job_id)
        if job is None or (job.outcome, job.state) != ("published", "done"):
            continue
        subfolder = os.fsencode(note.parent.relative_to(root))
        with files.folder(root) as hold, files.folder(subfolder, beneath=hold) as here:
            for tried in _candidates(os.fsencode(name), here):
                still_held = any(
                    other.outcome == "held"
                    for other in jobs_of_target(configuration.state, joined(subfolder.removeprefix(b"."), tried))
                )
                if not still_held and is_it(job.placed, tried, here, key):
                    os.unlink(tried, dir_fd=here)
            remove_notes(job.id, here)
            os.fsync(here)


def _release(configuration: config.Configuration, inbox: config.Inbox, job: Job) -> None:
    assert job.target is not None
    subfolder = job.target.rpartition(b"/")[0]
    with (
        files.folder(inbox.folder("hold")) as hold,
        files.folder(inbox.folder("outbox")) as outbox,
        files.folder(subfolder, beneath=outbox, create_mode=FOLDER_MODE) as there,
    ):
        held = _opened(job, hold)
        try:
            key = known_key(configuration.state)
            if not is_open(job.placed, held, key):
                raise NotThereError
            placed, file = _delivered(
                job, held, there, lambda tried: is_published(configuration.state, joined(subfolder, tried))
            )
            released(configuration.state, job, joined(subfolder, placed), file)
            _tidy(job, held, hold)
        finally:
            os.close(held)
    _deliver_preview(configuration, inbox, job, joined(subfolder, placed), key)


def _opened(job: Job, hold: int) -> int:
    """The file under the held name, open.

    Raises NotThereError where there is none, or a link, or anything but a file.
    """
    assert job.target is not None
    subfolder, _, name = job.target.rpartition(b"/")
    try:
        with files.folder(subfolder, beneath=hold) as here:
            return files.open_regular(name, here)
    except OSError as error:
        if error.errno not in (*files.GONE, *files.NO_FILE):
            raise
        raise NotThereError from None


def _delivered(job: Job, held: int, there: int, is_known: Callable[[bytes], bool]) -> tuple[bytes, Identity]:
    """The result's name in the outbox's open folder: a durable copy, or the one that an earlier try has made."""
    assert job.target is not None
    assert job.placed is not None
    name = job.target.rpartition(b"/")[2]
    data = _bytes_of(held)
    for tried in _candidates(name, there):
        descriptor = files.open_regular(tried, there)
        try:
            if not is_known(tried) and _bytes_of(descriptor) == data:
                return tried, Identity.of(os.fstat(descriptor), job.placed.content)
        finally:
            os.close(descriptor)
    with new_file(there, temporary_name(job.id)) as made:
        made.write(data)
        return place(name, there, made.give, _nothing), made.identity(job.placed.content)


def _candidates(name: bytes, there: int) -> Iterator[bytes]:
    """The files under a name and its numbered ones, down to the first name that is free."""
    for tried in itertools.islice(filename.numbered_names(name), LOOKED_AT):
        status = files.status_of(tried, there)
        if status is None:
            return
        if stat.S_ISREG(status.st_mode):
            yield tried


def _bytes_of(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read()


def _tidy(job: Job, held: int, hold: int) -> None:
    """Take the held file and its note away, now that the other one is the journal's."""
    assert job.target is not None
    subfolder, _, name = job.target.rpartition(b"/")
    with files.folder(subfolder, beneath=hold) as here:
        status = files.status_of(name, here)
        if status and status.st_ino == os.fstat(held).st_ino:
            os.unlink(name, dir_fd=here)
        remove_notes(job.id, here)
        os.fsync(here)


def _deliver_preview(
    configuration: config.Configuration, inbox: config.Inbox, job: Job, result: bytes, key: bytes | None
) -> None:
    """Its preview waited with it. Where it has left, or cannot be written, there is none: the result stands already."""
    if not inbox.preview or key is None:
        return
    results = Results(configuration.state / "results", key, configuration.results_megabytes << 20)
    waited = results.take(held_preview(job.id))
    if waited:
        with contextlib.suppress(OSError):
            put(inbox.preview, preview_name(result), waited, job.id)
        with contextlib.suppress(OSError):  # a preview that stays is redacted, and leaves with age
            results.drop(held_preview(job.id))


def _nothing(tried: bytes) -> None:
    """The journal is told afterwards: until then the result counts as held."""

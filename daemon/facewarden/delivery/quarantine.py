"""Quarantine: an original that could not be redacted leaves the inbox for a folder of its own, with a report beside it.

With `originals: keep` it stays where it was dropped and only the report is written. In no case is any of it delivered.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from facewarden import __version__, files
from facewarden.delivery.original import OriginalLeftError, require_original
from facewarden.delivery.publish import FOLDER_MODE, publish
from facewarden.delivery.retire import move
from facewarden.errors import FileRefused
from facewarden.files import Identity, filename
from facewarden.journal import Job, Journal, Outcome


def quarantine(
    journal: Journal,
    job: Job,
    refused: FileRefused,
    root: int,
    folder: Path,
    *,
    keep: bool,
    alone: bytes | None = None,
    content: bytes | None = None,
) -> Outcome:
    """Move the original (unless it is kept) and write its report; durable when this returns. Raises OSError.

    `root` is the inbox's open folder, `alone` the path of the report of a kept original, if not the original's with an
    ending, `content` what the journal knows the original by, where it could be read. Where the folder takes no file of
    the original's name, both get a plain one. Returns `vanished` where the original was taken away meanwhile, otherwise
    `quarantined`.
    """
    plain = filename.plain_name(job.source, job.id)
    try:
        try:
            _quarantine(journal, job, refused, root, folder, job.source, keep=keep, alone=alone, content=content)
        except filename.NameRefusedError:
            alone = plain + b".facewarden.txt"
            _quarantine(journal, job, refused, root, folder, plain, keep=keep, alone=alone, content=content)
    except OriginalLeftError:
        journal.vanished(job)
        return "vanished"
    return "quarantined"


def _quarantine(
    journal: Journal,
    job: Job,
    refused: FileRefused,
    root: int,
    folder: Path,
    wanted: bytes,
    *,
    keep: bool,
    alone: bytes | None,
    content: bytes | None,
) -> None:
    """The same under this very name. Raises NameRefusedError where the folder does not take it, OriginalLeftError."""
    number = refused.reason.number

    def require() -> None:
        require_original(job, root)

    require()
    if keep:
        named = alone or wanted + b".facewarden.txt"
        publish(journal, job, "quarantined", report(job.id, refused), folder, named, number, require=require)
        return
    # The report first: an original without one would leave a person guessing, a report alone does not.
    _write_report(job, refused, folder, wanted)

    def record(target: bytes, file: Identity) -> None:
        require()
        journal.placing(job, "quarantined", target, file, number)

    try:
        move(job, root, folder, wanted, record, content)
    except OriginalLeftError:
        _remove_report(job, folder, wanted)
        raise
    journal.placed(job)


def report(job_id: str, refused: FileRefused) -> bytes:
    """A few lines for the person who looks after the folder: what happened and what to do."""
    reason = refused.reason
    when = datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()
    lines = [
        "Facewarden did not deliver this photo.",
        f"What happened: {reason.what}",
        f"What to do:    {reason.advice}",
        *([f"Page:          {refused.page}"] if refused.page else []),
        f"Reason:        {reason.number} ({reason.name})",
        f"Job:           {job_id}",
        f"When:          {when}",
        f"Version:       {__version__}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _write_report(job: Job, refused: FileRefused, folder: Path, original: bytes) -> None:
    subfolder, _, name = original.rpartition(b"/")
    with (
        files.folder(folder) as top,
        files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as target,
        filename.asked(),
    ):
        files.write_durable(_report_name(job, name), report(job.id, refused), target)


def _remove_report(job: Job, folder: Path, original: bytes) -> None:
    subfolder, _, name = original.rpartition(b"/")
    with files.folder(folder) as top, files.folder(subfolder, beneath=top) as target:
        files.unlink_if_there(_report_name(job, name), target)


def _report_name(job: Job, original: bytes) -> bytes:
    return filename.with_ending(original, b".facewarden-%s.txt" % job.id.encode())

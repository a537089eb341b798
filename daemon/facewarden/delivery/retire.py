"""Retire: what happens to an original once its result is durable: keep, archive or delete.

It is touched only if it is still what was read, byte for byte. It is taken aside first, so that nobody opens it by its
name; where the kernel grants a lease nobody on this machine can write to it either until it has gone. What remains is a
writer on another machine, or of a file that is not the service's own, that had it open before: that moment Linux offers
no way to close.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from facewarden import files
from facewarden.delivery.original import aside, compared, give_back, where
from facewarden.delivery.publish import FOLDER_MODE
from facewarden.files import Identity, filename
from facewarden.files.newfile import aside_name, new_file, place, temporary_name
from facewarden.journal import Job

Policy = Literal["keep", "archive", "delete"]
Fate = Literal["kept", "gone", "superseded"]
"""`superseded`: it was changed after it was read, and stays as a drop of its own."""


def retire(job: Job, root: int, policy: Policy, archive: Path, key: bytes) -> Fate:
    """Carry out the policy in the inbox's folder `root`; nothing is left to do where the original has gone already.

    Raises OSError where it cannot be done now, OpenForWritingError where somebody still writes to it; it stands in the
    inbox then.
    """
    if policy == "keep":
        give_back(job, root)
        return "kept"
    now = where(job, root)
    if now in ("gone", "replaced"):
        if policy == "archive":
            _name_copy(job, archive)  # a crash may have come before that
        return "gone"
    if now == "changed":
        return "superseded"
    with aside(job, root) as (here, name), compared(job, name, here, key) as same:
        if not same():
            return "superseded"
        if policy == "delete":
            os.unlink(name, dir_fd=here)
        else:
            _archive(job, (here, name), archive)
    return "gone"


def _archive(job: Job, source: tuple[int, bytes], archive: Path) -> None:
    try:
        _under_a_name(job, lambda name: _move(job, source, archive, name, _unrecorded, across=False))
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _archive_across(job, source, archive)


def _under_a_name(job: Job, give: Callable[[bytes], object]) -> None:
    """Try the original's own path, and where that is refused a plain name."""
    try:
        give(job.source)
    except filename.NameRefusedError:
        give(filename.plain_name(job.source, job.id))


def _archive_across(job: Job, source: tuple[int, bytes], archive: Path) -> None:
    """To another file system: a durable copy under a hidden name, then the original goes, then the copy gets its name.

    So a crash at any point leaves one that counts, and it is known which: a second copy never gets a name.
    """
    here, name = source
    hidden = aside_name(job.id)
    original = files.open_regular(name, here)
    try:
        with files.folder(archive) as there, new_file(there, temporary_name(job.id)) as made:
            made.copy(original)
            files.unlink_if_there(hidden, there)  # of a try that a crash cut off: the original is still here
            made.give(hidden)
            os.fsync(there)
            try:
                os.unlink(name, dir_fd=here)
                os.fsync(here)
            except OSError:
                os.unlink(hidden, dir_fd=there)
                raise
    finally:
        os.close(original)
    _name_copy(job, archive)


def _name_copy(job: Job, archive: Path) -> None:
    """What lies in the archive under a hidden name is the original by now: it gets its own."""
    hidden = aside_name(job.id)

    def give(wanted: bytes) -> None:
        subfolder, _, name = wanted.rpartition(b"/")
        with files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as there:
            place(name, there, lambda tried: files.rename_no_replace(hidden, top, tried, there), lambda tried: None)
        os.fsync(top)

    try:
        with files.folder(archive) as top:
            if files.status_of(hidden, top):
                _under_a_name(job, give)
    except FileNotFoundError:
        return  # there is no archive, so nothing waits in it


def _unrecorded(target: bytes, file: Identity) -> None:
    """Of an archived original the journal notes no more than that it has gone."""


Record = Callable[[bytes, Identity], None]
"""Called with each path and the file that is about to stand there."""


def move(job: Job, root: int, target_root: Path, wanted: bytes, record: Record, content: bytes | None = None) -> bytes:
    """Move the original at the job's path under `root`, replacing nothing, across file systems too.

    Returns its new path.

    `content` is what the journal knows its bytes by, where anybody has read them.
    """
    subfolder, _, name = job.source.rpartition(b"/")
    with files.folder(subfolder, beneath=root) as here:
        try:
            placed = _move(job, (here, name), target_root, wanted, record, content, across=False)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with aside(job, root) as (here_too, hidden):
                placed = _move(job, (here_too, hidden), target_root, wanted, record, content)
        os.fsync(here)
    return placed


def _move(
    job: Job,
    source: tuple[int, bytes],
    target_root: Path,
    wanted: bytes,
    record: Record,
    content: bytes | None = None,
    *,
    across: bool = True,
) -> bytes:
    """The move of a file in an open folder. Raises OSError(EXDEV) where it leads to another file system and may not."""
    here, name = source
    subfolder, _, target_name = wanted.rpartition(b"/")
    prefix = subfolder + b"/" if subfolder else b""
    moved = Identity(job.signature.inode, job.signature.size, job.signature.mtime_ns, content)
    with (
        files.folder(target_root) as top,
        files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as there,
    ):
        if os.fstat(here).st_dev == os.fstat(there).st_dev:
            try:
                return prefix + place(
                    target_name,
                    there,
                    lambda tried: files.rename_no_replace(name, here, tried, there),
                    lambda tried: record(prefix + tried, moved),
                )
            except OSError as error:
                if error.errno != errno.EXDEV:  # bind mounts of one file system are two to rename(2)
                    raise
        if not across:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return prefix + _copy(
            job, source, there, target_name, lambda tried, file: record(prefix + tried, file), content
        )


def _copy(
    job: Job, source: tuple[int, bytes], there: int, target_name: bytes, record: Record, content: bytes | None
) -> bytes:
    """The move across file systems: a durable copy first, then the original goes.

    Raises OSError(ESTALE) where it changed or was replaced while it was copied: what is there now is a new drop.
    """
    here, name = source
    original = files.open_regular(name, here)
    try:
        with new_file(there, temporary_name(job.id)) as made:
            made.copy(original)
            status = files.status_of(name, here)
            if status is None or files.Signature.of(status) != job.signature:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            file = made.identity(content)
            placed = place(target_name, there, made.give, lambda tried: record(tried, file))
    finally:
        os.close(original)
    try:
        os.unlink(name, dir_fd=here)
    except OSError:
        # Otherwise each further try would leave one more copy.
        os.unlink(placed, dir_fd=there)
        raise
    return placed

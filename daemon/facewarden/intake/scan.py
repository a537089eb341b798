"""Scan: walk an inbox and tell which files in it count as photos. Streaming, so that a full folder costs no memory.

Links are never followed, whether to files or to folders: what a link points at was not dropped here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

import structlog

from facewarden import files
from facewarden.files import Signature
from facewarden.intake.names import Names, may_be_note, notes_beside

log = structlog.get_logger()

SHARED = Signature(0, -1, 0)
"""In place of a file's signature: it has a second name (a hard link), here or anywhere, through which others may write
to it or keep it. Such a file is not read (docs/decisions/0008-hard-links.md)."""


Passed = Callable[[bytes, os.stat_result], bool]
"""Whether a file, by its path and what the system says of it, need not be told of."""


Left = Callable[[], None]
"""Called for each file and folder that is left alone for its name."""


def scan(
    root: int,
    names: Names,
    *,
    deep: bool,
    passed: Passed = lambda path, status: False,
    left: Left = lambda: None,
) -> Iterator[tuple[bytes, Signature]]:
    """Each file that counts, as its path relative to the folder `root` (a descriptor) and its signature.

    Raises OSError where the file system fails. A subfolder that is closed to the service is told of and passed over.
    Of a hundred thousand old files each costs a look, and little more where they are `passed`.
    """
    waiting = [b""]
    while waiting:
        relative = waiting.pop()
        try:
            with files.folder(relative, beneath=root) as here:
                for entry in _counting(here, names, left):
                    path = relative + os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        if deep:
                            waiting.append(path + b"/")
                    elif signature := _looked(entry, path, here, names.done, passed):
                        yield path, signature
        except PermissionError as error:
            if not relative:
                raise
            log.warning("subfolder_closed", error=error.errno)
        except OSError as error:
            # Where a subfolder was taken away while we walked, what was in it has gone with it.
            if not relative or error.errno not in files.GONE:
                raise


def _counting(here: int, names: Names, left: Left) -> Iterator[os.DirEntry[str]]:
    """The subfolders and regular files of an open folder that count by their names.

    Notes are last: their photo may come after them.
    """
    notes = []
    with os.scandir(here) as entries:
        for entry in entries:
            folder = entry.is_dir(follow_symlinks=False)
            if not folder and not entry.is_file(follow_symlinks=False):
                continue
            if not (names.folder(entry.name) if folder else names.file(entry.name)):
                if not names.own(entry.name):
                    left()
            elif folder or not may_be_note(entry.name):
                yield entry
            else:
                notes.append(entry)
    beside = _of_photos(here, names, [note.name for note in notes])
    for note in notes:
        if note.name in beside:
            left()
        else:
            yield note


def _of_photos(here: int, names: Names, notes: list[str]) -> set[str]:
    """Those of these notes whose photo stands in the same open folder."""
    if not notes:
        return set()
    with os.scandir(here) as entries:
        return notes_beside(notes, (entry.name for entry in entries if _is_photo(entry.name, names)))


def _is_photo(name: str, names: Names) -> bool:
    return names.file(name) and not may_be_note(name)


def stands_beside(root: int, path: bytes, names: Names) -> bool:
    """Whether this is a note that stands beside the photo that it is about. Raises OSError."""
    parent, _, name = path.rpartition(b"/")
    note = os.fsdecode(name)
    if not may_be_note(note):
        return False
    with files.folder(parent, beneath=root) as here:
        return note in _of_photos(here, names, [note])


def _looked(entry: os.DirEntry[str], path: bytes, here: int, done: bytes, passed: Passed) -> Signature | None:
    """None where it was taken away between the listing and the look, is not said to be done yet, or is passed over."""
    try:
        status = entry.stat(follow_symlinks=False)
        if done:
            os.stat(os.fsencode(entry.name) + done, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if status.st_nlink != 1:
        return SHARED
    return None if passed(path, status) else Signature.of(status)


def look(root: int, path: bytes, done: bytes = b"") -> Signature | None:
    """How a file is now; None where it has gone, is no longer a regular file, or is not said to be done.

    Also where its subfolder was closed to us: a scan finds it again, and it must not hold up the others.
    """
    try:
        status = files.status_of(path, root)
        if done and not files.status_of(path + done, root):
            return None
    except PermissionError:
        return None
    if not status or not stat.S_ISREG(status.st_mode):
        return None
    return Signature.of(status) if status.st_nlink == 1 else SHARED

"""Scan: walk an inbox and tell which files in it count as photos. Streaming, so that a full folder costs no memory.

Links are never followed, whether to files or to folders: what a link points at was not dropped here.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator

import structlog

from facewarden import files
from facewarden.config import Profile
from facewarden.files import Signature
from facewarden.newfile import PREFIX

log = structlog.get_logger()

NEVER = (f"{PREFIX}*", "@eaDir", "#recycle", "#snapshot", "lost+found", "System Volume Information", "$RECYCLE.BIN")
"""Our own files on their way, and folders that NAS systems and disks keep for themselves."""


SHARED = Signature(0, -1, 0)
"""In place of a file's signature: it has a second name (a hard link), here or anywhere, through which others may write
to it or keep it. Such a file is not read (docs/decisions/0008-hard-links.md)."""


class Names:
    """Which names in an inbox count, from its profile's patterns; case is ignored as scanners do."""

    def __init__(self, profile: Profile, marker: str | None = None) -> None:
        self._wanted = _any_of(profile.photos.names)
        marks = [f"*{glob.escape(profile.photos.done)}"] if profile.photos.done else []
        own = [glob.escape(marker)] if marker else []
        self._ignored = _any_of((*profile.photos.ignore, *NEVER, *marks, *own))
        self.done = os.fsencode(profile.photos.done or "")
        """What a file's name plus this must name too before the file counts; empty: nothing."""

    def file(self, name: str) -> bool:
        return bool(self._wanted(name)) and not self._ignored(name)

    def folder(self, name: str) -> bool:
        return not self._ignored(name)

    def path(self, path: bytes) -> bool:
        """Whether a file at this path relative to the inbox counts, its folders included."""
        *folders, name = os.fsdecode(path).split("/")
        return self.file(name) and all(self.folder(folder) for folder in folders)


def _any_of(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)", re.IGNORECASE).match


Passed = Callable[[bytes, os.stat_result], bool]
"""Whether a file, by its path and what the system says of it, need not be told of."""


def scan(
    root: int, names: Names, *, deep: bool, passed: Passed = lambda path, status: False
) -> Iterator[tuple[bytes, Signature]]:
    """Each file that counts, as its path relative to the folder `root` (a descriptor) and its signature.

    Raises OSError where the file system fails. A subfolder that is closed to the service is told of and passed over.
    Of a hundred thousand old files each costs a look, and little more where they are `passed`.
    """
    waiting = [b""]
    while waiting:
        relative = waiting.pop()
        try:
            with files.folder(relative, beneath=root) as here, os.scandir(here) as entries:
                for entry in entries:
                    path = relative + os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        if deep and names.folder(entry.name):
                            waiting.append(path + b"/")
                    elif (
                        entry.is_file(follow_symlinks=False)
                        and names.file(entry.name)
                        and (signature := _looked(entry, path, here, names.done, passed))
                    ):
                        yield path, signature
        except PermissionError as error:
            if not relative:
                raise
            log.warning("subfolder_closed", error=error.errno)
        except OSError as error:
            # Where a subfolder was taken away while we walked, what was in it has gone with it.
            if not relative or error.errno not in files.GONE:
                raise


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

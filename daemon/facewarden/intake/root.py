"""Root: an inbox's folder, which may be unmounted, mounted again, renamed or replaced while the service runs.

What stands at the inbox's path is looked at each time it is opened: its device and inode tell whether it is still the
same folder, its mount point whether a share is missing, and a marker file, where one is configured, whether it is the
inbox at all. Whoever opens it while it is away meets an OSError, so that an empty mount point is never taken for an
empty inbox. What was found last is noted in the journal, so that a start, and a command beside the service, know the
folder too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from facewarden import config, files
from facewarden.files import mounts
from facewarden.journal import Journal, KnownFolder

_NO_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM)
"""What file systems answer that cannot lock a folder: some NFS and SMB servers, some FUSE ones."""


class Root:
    """The folder at one path. Used by the inbox's own thread, after the service has taken it; `proved` by any."""

    def __init__(
        self,
        path: Path,
        marker: str | None = None,
        known: KnownFolder | None = None,
        note: Callable[[int, int, bytes], None] = lambda device, inode, mount_point: None,
    ) -> None:
        """`known` is the folder that the service took last; `note` is called with each one that it takes."""
        self.path = path
        self.locked = False
        """Whether the folder that is there now is locked against a second service."""
        self.changes = 0
        """How often another folder was found in its place; each time whatever was known by events is out of date."""
        self._marker = marker
        self._note = note
        self._identity: tuple[int, int] | None = None
        # Under another path the operator means another folder, wherever that is mounted; a marker proves it anyhow.
        trusted = known and known.path == os.fsencode(path) and not marker
        self._mount_point = known.mount_point if known and trusted else b""
        self._number = known.number if known else None
        self._lock: int | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """Descriptor of the folder.

        Raises OSError where it is away, unmounted, without its marker or another service's.
        """
        with files.folder(self.path) as root:
            require_marker(self._marker, root)
            status = os.fstat(root)
            identity = (status.st_dev, status.st_ino)
            if identity != self._identity:
                self._take(root, identity)
            yield root

    @contextlib.contextmanager
    def proved(self) -> Iterator[int]:
        """Descriptor of the very folder that was taken last. Raises OSError where that does not stand there now."""
        with files.folder(self.path) as root:
            require_marker(self._marker, root)
            status = os.fstat(root)
            if (status.st_dev, status.st_ino) != self._identity:
                raise absent()
            yield root

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock, self.locked, self._identity = None, False, None

    def _take(self, root: int, identity: tuple[int, int]) -> None:
        """This folder is a new one, or the first: believe it only where it lies on its mount point, and lock it."""
        mount_point = mounts.mount_of(root).point
        # The very folder counts however it is mounted: a service manager gives its services mounts of their own.
        if files.folder_id(root) != self._number and not mounts.within(self._mount_point, mount_point):
            raise absent()
        lock = _locked(root)
        try:
            self._note(identity[0], files.folder_id(root), mount_point)
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise
        self.changes += self._identity is not None
        self.close()
        self._lock, self.locked = lock, lock is not None
        self._mount_point, self._number, self._identity = mount_point, files.folder_id(root), identity


def root_of(inbox: config.Inbox, journal: Journal, known: KnownFolder | None) -> Root:
    """An inbox's folder; each one that is taken is noted in the journal. `known` is the one that was taken last."""

    def note(device: int, number: int, mount_point: bytes) -> None:
        if inbox.marker:
            journal.adopt_originals(
                inbox.name, number
            )  # the marker proves that it is the same inbox, whatever its number
        path = os.fsencode(inbox.path)
        journal.note_folder(KnownFolder(inbox.name, "inbox", path, device, number, mount_point))

    return Root(inbox.path, inbox.marker, known, note)


def require_marker(marker: str | None, root: int) -> None:
    """Raises OSError where an inbox's marker file, which proves that it is the inbox, is not in the open folder."""
    if marker and not files.status_of(os.fsencode(marker), root):
        raise OSError(errno.ENOMEDIUM, "the inbox's marker file is missing")


def absent() -> OSError:
    """What whoever opens an inbox meets where another folder stands, or none that is proved to be it."""
    return OSError(errno.ENOMEDIUM, "another folder stands where the inbox was")


def _locked(root: int) -> int | None:
    """A descriptor that holds the folder's lock, for the kernel lets go of it however the process ends.

    None where there are no locks. Nothing is written. Raises BlockingIOError where another service has it.
    """
    own = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(own)
        if error.errno not in _NO_LOCKS or isinstance(error, BlockingIOError):
            raise
        return None
    return own

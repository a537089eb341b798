"""Mounts: a folder that lay on a share is not the empty one that stands there while the share is away.

Whoever took a folder says so (`take`), and from then on `files.folder` opens nothing else at that path: neither the
bare mount point nor a folder that was made on it. More may be mounted later, and never less. Read from mountinfo
(proc_pid_mountinfo(5)).
"""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path

from facewarden.files.version import folder_id

UNPROVED = (errno.ENOMEDIUM,)
"""What is raised where another folder stands in the place of the right one, or none that is proved to be it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo: where a file system is mounted, as it is written there, and its type."""

    point: bytes = b""
    kind: bytes = b""


_taken: dict[bytes, tuple[int, bytes]] = {}
"""By path: the folder's number, and where its file system was mounted. Of this process, as its mounts are."""


def mount_of(folder: int) -> Mount:
    """The mount that holds an open folder, by its id.

    The device would not tell a bind mount from the folder below it.
    """
    told = Path(f"/proc/self/fdinfo/{folder}").read_bytes()
    number = told.partition(b"mnt_id:")[2].split()[0]
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        fields = line.split(b" ")
        if fields[0] == number:
            return Mount(fields[4], fields[fields.index(b"-") + 1])
    return Mount()


def within(outer: bytes, inner: bytes) -> bool:
    """Whether a mount point is this one or lies below it."""
    return inner == outer or inner.startswith(outer.rstrip(b"/") + b"/")


def take(path: Path | bytes, number: int, mount_point: bytes) -> None:
    """From now on this is the folder at `path`, known by `files.folder_id`, on the file system that is mounted there."""
    _taken[os.fsencode(path)] = (number, mount_point)


def require(path: Path | bytes, folder: int) -> None:
    """Raises OSError(ENOMEDIUM) where `folder`, opened at `path`, lies on less than what was mounted when it was taken.

    The very folder counts however it is mounted: a service manager gives its services mounts of their own.
    """
    taken = _taken.get(os.fsencode(path))
    if taken is None:
        return
    number, mount_point = taken
    if (now := folder_id(folder)) == number:
        return
    point = mount_of(folder).point
    if not within(mount_point, point):
        raise OSError(errno.ENOMEDIUM, "what was mounted there is away")
    take(path, now, point)  # mounted over it since then: from now on less is not enough


def require_room(path: Path) -> None:
    """The same for a folder that is missing: raises OSError(ENOMEDIUM) where it would be made on a bare mount point."""
    taken = _taken.get(os.fsencode(path))
    above = next(folder for folder in path.parents if folder.exists())
    descriptor = os.open(above, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if taken and not within(taken[1], mount_of(descriptor).point):
            raise OSError(errno.ENOMEDIUM, "what was mounted there is away")
    finally:
        os.close(descriptor)

"""What tells one file, or one folder, from another. A name is no identity, and neither is an inode alone."""

from __future__ import annotations

import dataclasses
import hashlib
import os


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """What tells one version of a file from another without reading it; good for comparing alone.

    The date of the last change of anything (inode(7), ctime) is no part of that, for a rename counts as one. But no
    program can set it, so where it is the same too, nobody has written to the file and put its date back.
    """

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int = dataclasses.field(default=0, compare=False)

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        return cls(_signed(status.st_ino), status.st_size, _signed(status.st_mtime_ns), _signed(status.st_ctime_ns))

    def untouched(self, since: Signature) -> bool:
        """Whether nothing at all was done to the file since then."""
        return self == since and self.ctime_ns == since.ctime_ns


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Which file was put somewhere, so that another one under its name, or with its inode, is not taken for it.

    `content` is the HMAC of its bytes under the journal's key, None where nobody read them. An older facewarden noted
    the inode alone. The device is not among them: it is counted anew at each mount.
    """

    inode: int
    size: int | None = None
    mtime_ns: int | None = None
    content: bytes | None = None

    @classmethod
    def of(cls, status: os.stat_result, content: bytes | None) -> Identity:
        version = Signature.of(status)
        return cls(version.inode, version.size, version.mtime_ns, content)

    @property
    def signature(self) -> Signature | None:
        """What can be compared without reading; None where an older facewarden noted the inode alone."""
        if self.size is None or self.mtime_ns is None:
            return None
        return Signature(self.inode, self.size, self.mtime_ns)


def _signed(number: int) -> int:
    """Wrapped into the 64 bits that SQLite stores: some inodes of FUSE, and dates after 2262, would not fit."""
    return (number + 2**63) % 2**64 - 2**63


_LAST_ROOT = 256


def folder_id(descriptor: int) -> int:
    """By which the journal knows an open folder, also after it was mounted anew.

    Its inode, since devices are counted anew then.

    The root of a file system has the same small inode everywhere (1, 2, 128, 256), so there the file system's own
    number (statvfs(3), f_fsid) goes in as well.
    """
    inode = os.fstat(descriptor).st_ino
    if inode > _LAST_ROOT:
        return _signed(inode)
    number = b"%d %d" % (os.fstatvfs(descriptor).f_fsid, inode)
    return _signed(int.from_bytes(hashlib.sha256(number).digest()[:8], "big"))

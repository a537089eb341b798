"""Earlier results, kept redacted in the state folder so that the same photo is not worked on twice.

Each file begins with an HMAC of its bytes: one torn by a power cut is thrown away, and the photo is worked on anew. So
is one whose result cannot be read, whatever the reason: a cache that fails is a miss.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog

from facewarden import files

log = structlog.get_logger()

_TAG_BYTES = 32


class Results:
    """A folder of results by job id, at most `room` bytes; the ones not asked for longest leave first. Thread-safe."""

    def __init__(self, folder: Path, key: bytes, room: int) -> None:
        with contextlib.suppress(OSError):  # told by the first result that cannot be kept
            folder.mkdir(mode=0o700, exist_ok=True)
        self._folder, self._key, self._room = folder, key, room
        self._guard = threading.Lock()
        self._told: set[int] = set()
        """Error numbers that the log has heard of: a disk that fails does so for every photo."""
        self._used = sum(size for _, size, _ in self._stored())

    def keep(self, job_id: str, data: bytes) -> None:
        """Remember a result; not durable on purpose, because it can always be made again."""
        if len(data) + _TAG_BYTES > self._room:
            return
        with files.folder(self._folder) as root:
            name = job_id.encode()
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=root)
            with open(descriptor, "wb") as file:
                file.write(self._tag(job_id, data))
                file.write(data)
        with self._guard:
            self._used += len(data) + _TAG_BYTES
            if self._used > self._room:
                self._evict()

    def take(self, job_id: str) -> bytes | None:
        """The result of an earlier job; None where it has left, is not whole or cannot be read."""
        try:
            stored = self._read(job_id.encode())
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(error)
            return None
        tag, data = stored[:_TAG_BYTES], stored[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(job_id, data)):
            with contextlib.suppress(OSError):
                self.drop(job_id)
            return None
        return data

    def drop(self, job_id: str) -> None:
        """Forget a result that nobody will ask for any more."""
        (self._folder / job_id).unlink(missing_ok=True)

    def _tag(self, job_id: str, data: bytes) -> bytes:
        """Of the job too: another job's result under this name is not this one's."""
        return hmac.digest(self._key, job_id.encode() + b"\0" + data, hashlib.sha256)

    def _read(self, name: bytes) -> bytes:
        with files.folder(self._folder) as root:
            descriptor = files.open_regular(name, root)
        with open(descriptor, "rb") as file:
            with contextlib.suppress(OSError):
                os.utime(descriptor)  # asked for now; on a disk that may only be read it ages
            return file.read()

    def _tell(self, error: OSError) -> None:
        number = error.errno or 0
        if number not in self._told:
            self._told.add(number)
            log.warning("result_not_read", error=number)

    def _stored(self) -> Iterator[tuple[float, int, Path]]:
        """When each result was asked for last, its bytes and its file; what is no file of ours is passed over."""
        with contextlib.suppress(OSError):
            for file in self._folder.iterdir():
                with contextlib.suppress(OSError):
                    status = file.lstat()
                    if stat.S_ISREG(status.st_mode):
                        yield status.st_mtime, status.st_size, file

    def _evict(self) -> None:
        """Down to nine tenths of the room, so that not every new result pays for the listing."""
        aged = sorted(self._stored())
        self._used = sum(size for _, size, _ in aged)
        for _, size, file in aged:
            if self._used <= self._room * 0.9:
                return
            file.unlink(missing_ok=True)
            self._used -= size

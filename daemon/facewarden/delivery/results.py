"""Earlier results, kept redacted in the state folder so that the same photo is not worked on twice.

Each file begins with an HMAC of its bytes: one torn by a power cut is thrown away, and the photo is worked on anew.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from pathlib import Path

from facewarden import files

_TAG_BYTES = 32


class Results:
    """A folder of results by job id, at most `room` bytes; the ones not asked for longest leave first. Thread-safe."""

    def __init__(self, folder: Path, key: bytes, room: int) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder, self._key, self._room = folder, key, room
        self._guard = threading.Lock()
        self._used = sum(file.stat().st_size for file in folder.iterdir())

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
        """The result of an earlier job; None where it has left or is not whole."""
        file = self._folder / job_id
        try:
            stored = file.read_bytes()
            os.utime(file)
        except FileNotFoundError:
            return None
        tag, data = stored[:_TAG_BYTES], stored[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(job_id, data)):
            file.unlink(missing_ok=True)
            return None
        return data

    def drop(self, job_id: str) -> None:
        """Forget a result that nobody will ask for any more."""
        (self._folder / job_id).unlink(missing_ok=True)

    def _tag(self, job_id: str, data: bytes) -> bytes:
        """Of the job too: another job's result under this name is not this one's."""
        return hmac.digest(self._key, job_id.encode() + b"\0" + data, hashlib.sha256)

    def _evict(self) -> None:
        """Down to nine tenths of the room, so that not every new result pays for the listing."""
        aged = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in self._folder.iterdir())
        self._used = sum(size for _, size, _ in aged)
        for _, size, file in aged:
            if self._used <= self._room * 0.9:
                return
            file.unlink(missing_ok=True)
            self._used -= size

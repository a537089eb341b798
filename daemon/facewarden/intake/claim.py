"""Claim: a settled path becomes a job: opened once without following links, read whole, and written to the journal."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator

from facewarden import __version__, config, files
from facewarden.errors import EMPTY, TOO_MANY_BYTES, TRUNCATED, UNREADABLE, FileRefused, Reason
from facewarden.files import Signature
from facewarden.intake.complete import has_hole
from facewarden.intake.scan import SHARED, look
from facewarden.intake.settle import Settled
from facewarden.journal import Job, Journal
from facewarden.key import content_of
from facewarden.values import Recipe

REDACTION = "2"
"""Counts up where a fault in hiding was mended: results that were made before are not delivered again."""


class NotSettledError(Exception):
    """The file changed, was replaced or went away while it was read: it must settle again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """A job with its original's bytes; `refusal` is set, and the bytes are empty, where it cannot be worked on."""

    job: Job
    content: bytes
    variant: bytes
    data: bytearray
    refusal: Reason | None = None


def claim(
    journal: Journal, inbox: config.Inbox, root: int, settled: Settled, recipe: Recipe, weights: str = ""
) -> Claim:
    """Read a settled file under the folder `root` and make it a job, before any work is done on it.

    Content and variant (all that shapes the result besides the content) are known to the journal only under its key.
    `weights` tells the detectors' weights from others.
    Raises NotSettledError, or OSError where the folder is out of reach.
    """
    data, refusal = bytearray(), None
    try:
        with _opened(root, settled.path) as descriptor:
            status = os.fstat(descriptor)
            signature = Signature.of(status)
            if signature != settled.signature or status.st_nlink > 1:
                raise NotSettledError
            try:
                data = _read(descriptor, signature.size, recipe.limits.bytes)
            except FileRefused as refused:
                refusal = refused.reason
            if not Signature.of(os.fstat(descriptor)).untouched(signature) or look(root, settled.path) != signature:
                raise NotSettledError  # it changed, or is no longer what stands there
    except PermissionError:
        seen = look(root, settled.path)
        if seen is None or seen == SHARED:
            raise NotSettledError from None
        signature, refusal = seen, UNREADABLE
    content = content_of(journal.key, data or repr(signature).encode())
    shaping = __version__ + REDACTION + weights + recipe.to_json() + inbox.output.model_dump_json()
    variant = content_of(journal.key, shaping.encode())
    job = journal.claim(inbox.name, settled.path, signature, content, variant, files.folder_id(root))
    return Claim(job, content, variant, data, refusal)


@contextlib.contextmanager
def _opened(root: int, path: bytes) -> Iterator[int]:
    parent, _, name = path.rpartition(b"/")
    try:
        with files.folder(parent, beneath=root) as here:
            descriptor = files.open_regular(name, here)
    except OSError as error:
        if error.errno in (*files.GONE, *files.NO_FILE):
            raise NotSettledError from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, size: int, most: int) -> bytearray:
    """The whole file.

    Raises FileRefused where it is empty, over the limit or unreadable; NotSettledError if it grew.
    """
    if size == 0:
        raise FileRefused(EMPTY)
    if size > most:
        raise FileRefused(TOO_MANY_BYTES)
    if has_hole(descriptor):
        raise FileRefused(TRUNCATED)  # it was given time enough: whoever began to write it did not end
    data = bytearray(size)
    view = memoryview(data)
    try:
        while view and (count := os.readv(descriptor, [view])):
            view = view[count:]
        grown = os.read(descriptor, 1)
    except OSError:
        raise FileRefused(UNREADABLE) from None
    if view or grown:
        raise NotSettledError
    return data

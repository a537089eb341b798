"""Work on files named on the command line, without configuration, journal or inbox: the same worker, encoder and names.

No name reaches the terminal from here; a file that fails leaves a report beside the results.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from facewarden import files, protocol
from facewarden.config import Profile
from facewarden.config.models import LimitsSection
from facewarden.delivery.binding import Binding
from facewarden.delivery.containers import result_name
from facewarden.delivery.publish import put
from facewarden.delivery.quarantine import report
from facewarden.errors import EMPTY, NO_REGULAR_FILE, NOT_WRITTEN, TOO_MANY_BYTES, UNREADABLE, FileRefused, Reason
from facewarden.files import givenfile
from facewarden.intake.names import Names
from facewarden.intake.scan import scan
from facewarden.pool import Pool
from facewarden.replies import Reply
from facewarden.values import Recipe


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One file to work on, and where its result goes relative to the results' folder."""

    path: Path
    relative: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """What became of one source: `reason` is None where all went well, `reply` where it was not even read.

    `page` is the one of a document that is at fault, 0 where it is none.
    """

    source: Source
    reply: Reply | None
    reason: Reason | None
    page: int = 0


def sources(given: Sequence[Path]) -> Iterator[Source]:
    """Each file named, and in each folder named every file that counts as a photo, its subfolders mirrored."""
    names = Names(Profile())
    for path in given:
        if not path.is_dir():
            yield Source(path, os.fsencode(path.name))
            continue
        with files.folder(path) as root:
            found = sorted(inner for inner, _ in scan(root, names, deep=True))
        for inner in found:
            yield Source(path / os.fsdecode(inner), inner)


def redact(given: Iterable[Source], target: Path, profile: Profile, recipe: Recipe, pool: Pool) -> Iterator[Done]:
    """Write a redacted result for each source into `target`, never replacing a file; a report where one fails."""
    return _each(given, lambda source: _redact_one(source, target, profile, recipe, pool), pool.size + 1)


def detect(given: Iterable[Source], recipe: Recipe, pool: Pool) -> Iterator[Done]:
    """Find the areas that would be redacted in each source."""
    return _each(given, lambda source: _detect_one(source, recipe, pool), pool.size)


def _each(given: Iterable[Source], work: Callable[[Source], Done], most: int) -> Iterator[Done]:
    """Work on several sources at a time, holding no more than those; answers come as they are ready."""
    with ThreadPoolExecutor(most) as carriers:
        running: set[Future[Done]] = set()
        for source in given:
            if len(running) >= most:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ready)
            running.add(carriers.submit(work, source))
        yield from (future.result() for future in wait(running).done)


def _detect_one(source: Source, recipe: Recipe, pool: Pool) -> Done:
    try:
        original = read(source.path, recipe.limits.bytes)
        # Only areas come back, which whoever asked looks at: one worker may see them all.
        reply = pool.treat(original, recipe, LimitsSection().seconds, protocol.FIND, owner="detect")
        return Done(source, reply, None)
    except FileRefused as refused:
        return Done(source, None, refused.reason, refused.page)


def _redact_one(source: Source, target: Path, profile: Profile, recipe: Recipe, pool: Pool) -> Done:
    random_id = secrets.token_hex(8)
    try:
        try:
            original = read(source.path, recipe.limits.bytes)
            binding = Binding(profile.output)
            reply = pool.treat(original, recipe, LimitsSection().seconds, receiver=binding)
            container, data = binding.result(reply)
        except FileRefused as refused:
            put(target, source.relative + b".facewarden.txt", report(random_id, refused), random_id)
            return Done(source, None, refused.reason, refused.page)
        put(target, result_name(source.relative, container), data, random_id)
    except OSError:
        return Done(source, None, NOT_WRITTEN)
    return Done(source, reply, None)


def read(path: Path, most: int) -> bytes:
    """A file's bytes. Raises FileRefused where it cannot be read, is empty or larger than `most`."""
    try:
        data = givenfile.read(path, most + 1)
    except givenfile.NoRegularFileError:
        raise FileRefused(NO_REGULAR_FILE) from None
    except OSError:
        raise FileRefused(UNREADABLE) from None
    if len(data) > most:
        raise FileRefused(TOO_MANY_BYTES)
    if not data:
        raise FileRefused(EMPTY)
    return data

"""Names: which names in an inbox count as photos, by its profile's patterns and by what other programs leave there.

Case is ignored, as scanners, Windows and macOS do.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator

from facewarden.config import Profile
from facewarden.files.newfile import PREFIX
from facewarden.intake import foreign

_CLIPPED = 45
"""Letters of a note's name, without its ending, from which on Google Takeout may have cut it (46, less one for a
mark)."""


class Names:
    """Of one inbox. `marker` is the file that proves it to be the inbox."""

    def __init__(self, profile: Profile, marker: str | None = None) -> None:
        self._wanted = _any_of(profile.photos.names)
        self._ignored = _any_of(profile.photos.ignore)
        marks = [f"*{glob.escape(profile.photos.done)}"] if profile.photos.done else []
        self._own = _any_of((f"{PREFIX}*", *marks, *([glob.escape(marker)] if marker else [])))
        self.done = os.fsencode(profile.photos.done or "")
        """What a file's name plus this must name too before the file counts; empty: nothing."""

    def file(self, name: str) -> bool:
        """Whether a file of this name is a photo; of one that may be a note `may_be_note` tells."""
        return bool(self._wanted(name)) and not self.own(name) and not self._ignored(name) and not _LEFT_FILES(name)

    def folder(self, name: str) -> bool:
        return not (self.own(name) or self._ignored(name) or _LEFT_FOLDERS(name))

    def own(self, name: str) -> bool:
        """Whether it is the service's own, or agreed with it: a file on its way, a marker."""
        return bool(self._own(name))

    def path(self, path: bytes) -> bool:
        """Whether a file at this path relative to the inbox counts, its folders included."""
        *folders, name = os.fsdecode(path).split("/")
        return self.file(name) and all(self.folder(folder) for folder in folders)


def _any_of(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)", re.IGNORECASE).match


_LEFT_FOLDERS = _any_of(foreign.patterns("folder"))
_LEFT_FILES = _any_of(foreign.patterns("temporary", "side"))
_NOTES = _any_of(foreign.patterns("beside"))


def may_be_note(path: str | bytes) -> bool:
    """Whether a file of this path says something of a photo, if that stands beside it."""
    return bool(_NOTES(os.fsdecode(path).rpartition("/")[2]))


def notes_beside(notes: Iterable[str], photos: Iterable[str]) -> set[str]:
    """Those of the notes whose photo is among the photos; all names are of one folder.

    `a.xmp` and `a.jpg.json` are of `a.jpg`, and so are `a.jpg.supplemental-metadata.json`, and `a.jpg(1).json` of its
    twin.
    """
    wanted: dict[str, list[str]] = {}
    for note in notes:
        for stem in _stems(note):
            wanted.setdefault(stem, []).append(note)
    album = {note for note in wanted.get(_ALBUM, ()) if note.casefold() == f"{_ALBUM}.json"}
    lengths = {len(stem) for stem in wanted if len(stem) >= _CLIPPED}
    beside: set[str] = set()
    for photo in photos:
        beside |= album
        stem = _stem(photo)
        for may_be in (stem, *(stem[:length] for length in lengths)):
            beside.update(wanted.get(may_be, ()))
    return beside


_ALBUM = "metadata"
"""What Google Takeout calls the note of a whole album, of which no photo has the name."""


def _stem(name: str) -> str:
    return name.rpartition(".")[0].casefold() or name.casefold()


def _stems(note: str) -> Iterator[str]:
    """The stems that its photo may have: its own name up to any dot or bracket."""
    whole = _stem(note)
    yield whole
    for match in re.finditer(r"[.(]", whole):
        if match.start():
            yield whole[: match.start()]

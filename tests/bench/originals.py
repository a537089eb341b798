"""Photos to drop for the benchmarks, no two with the same bytes: Facewarden does not work on the same content twice.

Copies differ in a few bytes after the picture's end, which every decoder passes over.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from tests.bench.photos import photos
from tests.bench.table import Given

from facewarden.pool import default_size

SETS = ("large", "groups", "masks_small")
OTHERS = ("crowd", "grey_scenes", "no_faces", "sports")
"""More labelled sets, out of which those by size are made too."""
SUFFIXES = {".jpg", ".jpeg", ".png"}
LARGE, SMALL = 2.0, 0.5
"""Megapixels from which on, and under which, this program has goals of its own."""
FEWEST, MOST = max(12, 6 * default_size()), 120
"""Photos of a set: fewer are copied until start-up does not decide, of more a part is taken."""


@dataclasses.dataclass(frozen=True, slots=True)
class Original:
    """One photo: where it is, or its bytes."""

    source: Path | bytes
    megapixels: float

    def content(self, number: int) -> bytes:
        """Its bytes, made different by a number."""
        data = self.source if isinstance(self.source, bytes) else self.source.read_bytes()
        return data + number.to_bytes(4, "big")

    @property
    def suffix(self) -> str:
        return ".jpg" if isinstance(self.source, bytes) else self.source.suffix.lower()


def write(originals: Sequence[Original], folder: Path) -> list[Path]:
    """Put them into a folder, each older than the next: so both programs take them in this order."""
    written = []
    for number, original in enumerate(originals):
        file = folder / f"{number:04}{original.suffix}"
        file.write_bytes(original.content(number))
        os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
        written.append(file)
    return written


def of_size(given: Given, megapixels: float, count: int) -> tuple[str, list[Original]]:
    """So many photos scaled to one size, and what they are: those of `large` where they are at hand."""
    folder = given.photos and given.photos / "large" / "images"
    found = folder if folder and folder.is_dir() else None
    made = photos(argparse.Namespace(photos=found, megapixels=megapixels, count=count))
    originals = [Original(data, megapixels) for data in made]
    return "photos of large" if found else "generated portraits", enough(originals, count, count)


def sets(given: Given) -> Iterator[tuple[str, list[Original]]]:
    """The labelled sets and two of them all by size; or the photos of any other folder; or generated portraits."""
    if given.photos is None:
        for megapixels, count in ((LARGE, FEWEST), (0.3, 60)):
            yield f"generated portraits of {megapixels:g} MP", of_size(given, megapixels, count)[1]
        return
    named = {name: _read(given.photos / name) for name in (*SETS, *OTHERS)}
    every = [original for found in named.values() for original in found]
    if not every:
        yield (
            "the photos given",
            enough(_read(given.photos) or sys.exit("no JPEG or PNG lies in the folder of photos given")),
        )
        return
    chosen = {name: named[name] for name in SETS}
    chosen[f"all of {LARGE:g} MP and more"] = [one for one in every if one.megapixels >= LARGE]
    chosen[f"all under {SMALL:g} MP"] = [one for one in every if one.megapixels < SMALL]
    yield from ((name, enough(found)) for name, found in chosen.items() if found)


def enough(originals: Sequence[Original], fewest: int = FEWEST, most: int = MOST) -> list[Original]:
    """Neither too few of them nor too many: again from the first one on, or every so-and-so-many-th."""
    count = len(originals)
    if count > most:
        return [originals[number * count // most] for number in range(most)]
    return [originals[number % count] for number in range(max(count, fewest))] if originals else []


def _read(folder: Path) -> list[Original]:
    """The photos of a set, whose files lie in `images`, or of a folder."""
    inner = folder / "images" if (folder / "images").is_dir() else folder
    found = []
    for file in sorted(inner.iterdir()) if inner.is_dir() else ():
        if file.suffix.lower() in SUFFIXES:
            with Image.open(file) as image:
                found.append(Original(file, image.width * image.height / 1e6))
    return found

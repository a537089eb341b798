"""Canaries: words and pixels that nobody may hear, the files that carry them, and the search for them in any disguise."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.parse
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin
from tests.portraits import portrait_pixels

from facewarden.values import Pixels

WORDS = ("Kowalska", "Żaneta", "Lipowa17")
"""A name, one that is not ASCII, and a place: in names, folders, EXIF, comments and drawn in the pixels."""

NAME = "Żaneta Kowalska Lipowa17"


def noise(height: int, width: int, seed: int) -> Pixels:
    """Pixels that occur nowhere else."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


STRIP = noise(4, 128, 77)
"""At the foot of the pictures: a run of its raw bytes is a canary."""


def photo(number: int, form: str = "JPEG") -> bytes:
    """A portrait that carries all the words: in EXIF with a place, in a comment, and written across the picture."""
    pixels = portrait_pixels(number)
    pixels[-4:] = STRIP
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).text((4, 100), "Kowalska Lipowa17", fill="white")
    return file_of(image, form)


def file_of(image: Image.Image, form: str) -> bytes:
    """An image as a file that says the words wherever its format lets it."""
    exif = Image.Exif()
    for tag in (0x010E, 0x013B, 0x8298):  # ImageDescription, Artist, Copyright
        exif[tag] = NAME
    exif.get_ifd(0x8825)[0x001D] = "Lipowa17"  # GPSDateStamp, where text may stand
    written = io.BytesIO()
    more: dict[str, object] = {"exif": exif}
    if form == "PNG":
        said = PngImagePlugin.PngInfo()
        said.add_text("Comment", NAME)
        more["pnginfo"] = said
    elif form == "JPEG":
        more |= {"quality": 95, "comment": NAME.encode()}
    image.save(written, form, **more)
    return written.getvalue()


def plain(form: str, size: tuple[int, int]) -> bytes:
    """A picture without a face that carries the words."""
    return file_of(Image.new("RGB", size, "grey"), form)


def frames(count: int) -> bytes:
    """An animation of so many frames, with the words in its comment."""
    pictures = [Image.fromarray(noise(32, 32, number)) for number in range(count)]
    written = io.BytesIO()
    pictures[0].save(written, "GIF", save_all=True, append_images=pictures[1:], comment=NAME.encode())
    return written.getvalue()


def needles(names: list[str], contents: list[bytes]) -> dict[bytes, str]:
    """What is looked for, in lower case, and what each of it would tell."""
    found = {form: f"a word, {way}" for word in WORDS for way, form in _forms(word)}
    for row in (STRIP[0], STRIP[3]):
        found[row.tobytes()[:12].lower()] = "pixels"
        found[row.tobytes()[:12].hex().encode()] = "pixels, in hex"
    for name in names:
        found |= dict.fromkeys(_digests(name.encode()), "the hash of a name")
    for content in contents:
        found |= dict.fromkeys(_digests(content), "the hash of a photo")
    return found


def _forms(word: str) -> Iterator[tuple[str, bytes]]:
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "iso8859-2"):
        yield encoding, word.encode(encoding).lower()
    yield "escaped as JSON", json.dumps(word)[1:-1].encode().lower()
    yield "escaped as Python does", ascii(word)[1:-1].encode().lower()
    yield "escaped as bytes", repr(word.encode())[2:-1].encode().lower()
    yield "in a URL", urllib.parse.quote(word).encode().lower()
    yield "in hex", word.encode().hex().encode()
    yield "backwards", word[::-1].encode().lower()
    for shift in range(3):
        # Wherever a word begins in a text, its inner letters look one of three ways in base64.
        coded = base64.b64encode(b"x" * shift + word.encode())
        yield "in base64", coded[4:-4].lower()


def _digests(data: bytes) -> Iterator[bytes]:
    """The beginnings of its hashes, as hex and base64 write them and as they are."""
    for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(algorithm, data).digest()
        yield digest.hex()[:12].encode()
        yield base64.b64encode(digest)[:10].lower()
        yield digest[:8].lower()


def told(where: dict[str, bytes], wanted: dict[bytes, str]) -> list[str]:
    """Which canary was heard where; empty if none was."""
    found = []
    for place, heard in where.items():
        lowered = heard.lower()
        found += [f"{place}: {meaning}" for needle, meaning in wanted.items() if needle in lowered]
    return found

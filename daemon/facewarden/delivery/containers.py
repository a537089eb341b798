"""Containers: which one a result gets, and the ending of its name."""

from __future__ import annotations

from facewarden.values import DOCUMENTS, Picture

SUFFIXES: dict[str, tuple[bytes, ...]] = {
    "JPEG": (b".jpg", b".jpeg", b".jpe", b".jfif"),
    "PNG": (b".png", b".apng"),
    "TIFF": (b".tif", b".tiff"),
    "GIF": (b".gif",),
    "WEBP": (b".webp",),
    "BMP": (b".bmp", b".dib"),
    "JPEG2000": (b".jp2", b".j2k", b".jpx", b".jpf", b".j2c"),
    "AVIF": (b".avif", b".avifs"),
    "PPM": (b".ppm", b".pgm", b".pnm", b".pbm"),
    "TGA": (b".tga",),
    "PDF": (b".pdf",),
}
"""Name endings of each container; the first is given to a result whose original was called otherwise."""

_FOREIGN_SUFFIXES = {
    b".heic",
    b".heif",
    b".hif",
    b".psd",
    b".ico",
    b".icns",
    b".mpo",
    b".pcx",
    b".dds",
    b".fli",
    b".flc",
    b".blp",
    b".qoi",
}
_PICTURE_SUFFIXES = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes} | _FOREIGN_SUFFIXES
_MANY_FRAMES = {"PNG", "TIFF", "GIF", "WEBP", "AVIF"}
LOSSLESS = {"JPEG": "PNG", "AVIF": "PNG"}
"""Where a result goes that shall lose nothing, for containers that cannot but lose."""


def result_format(picture: Picture, wanted: str) -> str:
    """The container of the result: the one wanted (`same`: the original's), unless it could not hold all frames."""
    choice = picture.format if wanted == "same" else wanted.upper()
    if len(picture.frames) == 1:
        return choice
    if picture.format in DOCUMENTS:
        return document_format(picture.format, wanted)
    return choice if choice in _MANY_FRAMES else picture.format if picture.format in _MANY_FRAMES else "PNG"


def document_format(original: str, wanted: str) -> str:
    """The container of a result of several pages: they differ in size, and as an animation nobody could read them."""
    return "TIFF" if wanted == "tiff" else original


def result_name(name: bytes, container: str) -> bytes:
    """The original's name with the ending of the result's container; an ending of no picture format is kept."""
    stem, dot, ending = name.rpartition(b".")
    suffix = dot + ending
    if suffix.lower() in SUFFIXES[container] and stem:
        return name
    return (stem if suffix.lower() in _PICTURE_SUFFIXES and stem else name) + SUFFIXES[container][0]


def container_of(name: bytes) -> str:
    """The container that a result's name tells."""
    suffix = b"." + name.rpartition(b".")[2].lower()
    return next(container for container, suffixes in SUFFIXES.items() if suffix in suffixes)

"""The bytes between the trusted side and a worker: fixed structs with counted lengths, nothing that parses itself.

A request is a header, the recipe as JSON, the emblem's bytes (none unless the style draws one) and the original's. A
reply is a row of tagged messages: `READY` or `FAILED` once after the start; then for each request `FAILED`, or
`PICTURE`, for each frame `FRAME` with its regions and pixels, and `DONE`. All numbers are little-endian. The trusted
side writes requests and the worker trusts them; nothing in a reply is trusted before `replies` has checked it.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Final

PROLOGUE: Final = struct.Struct("<Q")
"""Sent once, before all requests: length of the supplied weights, whose bytes follow (0: none)."""

REQUEST: Final = struct.Struct("<4sIIQ")
"""Kind of request, and lengths in bytes of the recipe, the emblem and the original."""
HIDE: Final = b"HIDE"
"""Answer with redacted pixels."""
FIND: Final = b"FIND"
"""Answer with regions only; each frame then has zero channels and no pixels."""

PROTECTION: Final = struct.Struct("<BB")
"""Follows READY: Landlock's ABI (0: none), and whether system calls are filtered (0 or 1)."""

TAG: Final = struct.Struct("<B")
READY: Final = 1
FAILED: Final = 2
PICTURE: Final = 3
FRAME: Final = 4
DONE: Final = 5

FAILURE: Final = struct.Struct("<HI")
"""A reason's number, and the page of a document that is at fault (from 1; 0: none)."""

PICTURE_HEAD: Final = struct.Struct("<BffiBBHBBBBB")
"""Index into FORMATS, dpi across and down (0 where unknown), loop (-1 where there is none), a JPEG's quality (0 where unknown),
index into SUBSAMPLINGS (UNKNOWN where unknown), and year, month, day, hour, minute, second of the capture (all 0 where
unknown). How many frames follow shows only by their end: a document's pages are counted as they are read."""
UNKNOWN: Final = 255

FRAME_HEAD: Final = struct.Struct("<IIBIffII")
"""Width, height, channels (0, 1, 3 or 4), duration in ms, a page's dpi across and down (0 where unknown), regions found,
regions of the second look."""

REGION: Final = struct.Struct("<fffffBB")
"""x, y, width, height, score, index into DETECTORS, index into SHAPES."""

DONE_TIMES: Final = struct.Struct("<III")
"""Microseconds spent in decode, detect and redact."""

MAX_REGIONS: Final = 20_000
"""Most regions a reply may claim for one frame; a 120 MP photo tiled with 80 px faces has fewer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Protection:
    """What the kernel granted: Landlock's ABI (0 where there is none), and whether calls are filtered."""

    landlock: int
    seccomp: bool

    @property
    def complete(self) -> bool:
        return self.landlock > 0 and self.seccomp

"""The frozen values that cross borders between rooms: regions, recipes, limits, decoded pictures.

Ground floor: imports the standard library and numpy only, so both the trusted side and the sandbox may use it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""One frame: uint8, shape (height, width) for grey, (height, width, 3) for RGB, (height, width, 4) for RGBA."""

OPAQUE = 255
"""Alpha of what hides nothing behind it, and of every hidden area."""

Shape = Literal["ellipse", "rectangle"]
Style = Literal["veil", "gaussian", "mosaic", "solid", "image"]
DetectorName = Literal["blazeface", "centerface", "yunet", "fixed"]
PlanName = Literal["balanced", "strict"]
ZoneShape = Literal["rectangle", "ellipse", "polygon"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
STYLES: tuple[Style, ...] = get_args(Style)
DETECTORS: tuple[DetectorName, ...] = get_args(DetectorName)


@dataclasses.dataclass(frozen=True, slots=True)
class Region:
    """An area to hide, in pixels of the upright frame; it may reach past the frame's edges.

    `x`, `y` are the left upper corner of the bounding rectangle, `score` is the detector's confidence in 0..1.
    """

    x: float
    y: float
    width: float
    height: float
    score: float
    detector: DetectorName
    shape: Shape = "rectangle"


@dataclasses.dataclass(frozen=True, slots=True)
class Zone:
    """A part of every photo that the operator named. Each length is (number, whether it is per cent of that side).

    `rectangle` and `ellipse` have two points, left upper corner and size; `polygon` has three or more corners.
    """

    shape: ZoneShape
    points: tuple[tuple[Length, Length], ...]

    def corners(self, width: int, height: int) -> list[tuple[float, float]]:
        """The points in pixels of a frame of this size."""
        return [(_pixels(across, width), _pixels(down, height)) for across, down in self.points]


Length = tuple[float, bool]


def _pixels(length: Length, side: int) -> float:
    number, per_cent = length
    return number * side / 100 if per_cent else number


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may be asked to hold. Checked before decoding, and again on each reply.

    `bytes` of the original file, `pixels` of one frame, `side` in pixels, `frames` in a file, `all_pixels` of all
    frames, or where these are pages, which are held one at a time, `document_pixels`.
    """

    bytes: int = 256 * 1024 * 1024
    pixels: int = 120_000_000
    side: int = 30_000
    frames: int = 500
    all_pixels: int = 400_000_000
    document_pixels: int = 4_000_000_000

    def together(self, container: str) -> int:
        """Pixels that all frames of a file of this container may have."""
        return self.document_pixels if container in DOCUMENTS else self.all_pixels


EMBLEM = Limits(bytes=1 << 20, pixels=1_000_000, frames=1, all_pixels=1_000_000)
"""What the picture that style `image` draws may have: it goes to a worker with every photo."""


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """All that a worker is told about one photo besides its bytes: how to search it and how to hide what it finds.

    `thresholds` maps a detector's name to its lowest score, 0..1 (None: the plan's own); one that is absent is not
    asked. `smallest_face` is the width in pixels of the smallest face wanted. `growth` is the factor by which the width
    and height of each found face are multiplied before it is hidden. `always` zones are hidden in every photo; a face
    found wholly inside a `never` zone is left alone. `emblem` is the picture file that style `image` draws.
    """

    thresholds: dict[DetectorName, float | None]
    plan: PlanName = "balanced"
    smallest_face: int = 20
    growth: float = 1.6
    shape: Shape = "ellipse"
    style: Style = "veil"
    safety_frame: bool = True
    always: tuple[Zone, ...] = ()
    never: tuple[Zone, ...] = ()
    emblem: bytes = dataclasses.field(default=b"", repr=False)
    limits: Limits = dataclasses.field(default_factory=Limits)

    def to_json(self) -> str:
        """One line with sorted keys: the same recipe always gives the same text, so it can serve as a key.

        For the emblem stands its SHA-256; its bytes go beside the text.
        """
        fields = dataclasses.asdict(self) | {"emblem": hashlib.sha256(self.emblem).hexdigest()}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, emblem: bytes = b"") -> Recipe:
        fields: dict[str, Any] = json.loads(text) | {"emblem": emblem}
        limits = Limits(**fields.pop("limits"))
        always, never = (tuple(map(_zone, fields.pop(kind))) for kind in ("always", "never"))
        return cls(limits=limits, always=always, never=never, **fields)


def _zone(fields: dict[str, Any]) -> Zone:
    """A zone from JSON, which knows lists where we have tuples."""
    return Zone(fields["shape"], tuple((tuple(across), tuple(down)) for across, down in fields["points"]))


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """What every worker is started with.

    `memory` in bytes for one photo, whether it may run with half a lock, and the content of weights that the operator
    supplied (empty: none), which the trusted side has proved.
    """

    memory: int = 4 << 30
    degraded_allowed: bool = False
    yunet: bytes = dataclasses.field(default=b"", repr=False)

    def arguments(self) -> list[str]:
        """For the worker's command line."""
        return [str(self.memory), *(["--degraded-allowed"] if self.degraded_allowed else [])]


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """One picture's pixels, upright, with how long an animation shows it (milliseconds, 0 for a still picture).

    `dpi` are a page's dots per inch across and down; from them a PDF's page has its size.
    """

    pixels: Pixels
    duration: int = 0
    dpi: tuple[float, float] | None = None


Moment = tuple[int, int, int, int, int, int]
"""Year, month, day, hour, minute and second by a camera's own clock, a date and time that exist."""


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """What survives decoding: frames, resolution in dots per inch, and how often an animation repeats (0 for ever).

    `format` is one of FORMATS: the container the original came in, which decides the result's. `captured` is when the
    photo was taken: year, month, day, hour, minute, second. `quality` (1 to 100) and `subsampling` (see SUBSAMPLINGS)
    are those by which a JPEG was written, None where that is not known.
    """

    format: str
    frames: tuple[Frame, ...]
    dpi: tuple[float, float] | None = None
    loop: int | None = None
    captured: Moment | None = None
    quality: int | None = None
    subsampling: int | None = None


SUBSAMPLINGS: tuple[str, ...] = ("4:4:4", "4:2:2", "4:2:0")
"""How a JPEG may store its colours; the index is the number on the wire."""
DOCUMENTS = frozenset({"TIFF", "PDF"})
"""Containers of pages. They are decoded, sent and written one page at a time, so that memory is bounded by a page."""
FORMATS: tuple[str, ...] = (
    "PNG",
    "JPEG",
    "TIFF",
    "GIF",
    "WEBP",
    "BMP",
    "JPEG2000",
    "AVIF",
    "PPM",
    "TGA",
    "PDF",
)
"""Containers that a result can have; the index is the number on the wire. Whatever else was read leaves as PNG (0)."""

"""The frozen values that cross borders between rooms: regions, recipes, limits, decoded pictures.

Ground floor: imports the standard library and numpy only, so both the trusted side and the sandbox may use it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""One frame: uint8, shape (height, width) for grey, (height, width, 3) for RGB, (height, width, 4) for RGBA."""

Shape = Literal["ellipse", "rectangle"]
Style = Literal["veil", "gaussian", "mosaic", "solid"]
DetectorName = Literal["blazeface", "centerface"]

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
class Limits:
    """What a worker may be asked to hold. Checked before decoding, and again on each reply.

    `bytes` of the original file, `pixels` of one frame, `side` in pixels, `frames` in a file, `all_pixels` of all frames.
    """

    bytes: int = 256 * 1024 * 1024
    pixels: int = 120_000_000
    side: int = 30_000
    frames: int = 500
    all_pixels: int = 400_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """All that a worker is told about one photo besides its bytes: how to search it and how to hide what it finds.

    `thresholds` maps a detector's name to its lowest score, 0..1; a detector that is absent is not asked.
    `smallest_face` is the width in pixels of the smallest face wanted. `growth` is the factor by which the width and
    height of each found face are multiplied before it is hidden.
    """

    thresholds: dict[DetectorName, float]
    smallest_face: int = 20
    growth: float = 1.6
    shape: Shape = "ellipse"
    style: Style = "veil"
    safety_frame: bool = True
    limits: Limits = dataclasses.field(default_factory=Limits)

    def to_json(self) -> str:
        """One line with sorted keys: the same recipe always gives the same text, so it can serve as a key."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        fields: dict[str, Any] = json.loads(text)
        limits = Limits(**fields.pop("limits"))
        return cls(limits=limits, **fields)


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """What every worker is started with: `memory` in bytes for one photo, and whether it may run with half a lock."""

    memory: int = 4 << 30
    degraded_allowed: bool = False

    def arguments(self) -> list[str]:
        """For the worker's command line."""
        return [str(self.memory), *(["--degraded-allowed"] if self.degraded_allowed else [])]


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """One picture's pixels, upright, with how long an animation shows it (milliseconds, 0 for a still picture)."""

    pixels: Pixels
    duration: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """What survives decoding: frames, resolution in dots per inch, and how often an animation repeats (0 for ever).

    `format` is one of FORMATS: the container the original came in, which decides the result's.
    """

    format: str
    frames: tuple[Frame, ...]
    dpi: tuple[float, float] | None = None
    loop: int | None = None


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
)
"""Containers that a result can have; the index is the number on the wire. Whatever else was read leaves as PNG (0)."""

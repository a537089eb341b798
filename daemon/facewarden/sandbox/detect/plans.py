"""How thoroughly a frame is searched: the named plans, and how sure an answer must be.

Every number was chosen by measurement on labelled photos; docs/detection.md has the tables.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping

from facewarden.values import DetectorName, PlanName, Region


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """One trade between faces found, area hidden for nothing, and time.

    `thresholds` are the lowest scores per detector where a profile names none. At CenterFace's largest scale the
    smallest face wanted is `enlarged` pixels wide, unless the frame would then exceed `pixels` (the budget that bounds
    the cost of a large photo, see `budget`). `mirrored`: every look of CenterFace is taken a second time in the mirror.
    `windowed`: BlazeFace looks at windows too, besides the whole frame.
    """

    thresholds: Mapping[DetectorName, float]
    enlarged: int
    pixels: int
    mirrored: bool
    windowed: bool = True


PLANS: Mapping[PlanName, Plan] = {
    "balanced": Plan({"blazeface": 0.3, "centerface": 0.1}, enlarged=56, pixels=4_000_000, mirrored=False),
    "strict": Plan({"blazeface": 0.2, "centerface": 0.06}, enlarged=56, pixels=6_000_000, mirrored=True),
}

BESIDE_YUNET: Mapping[PlanName, Plan] = {
    "balanced": Plan({"blazeface": 0.6, "centerface": 0.12, "yunet": 0.2}, enlarged=20, pixels=750_000, mirrored=False),
    "strict": Plan({"blazeface": 0.2, "centerface": 0.06, "yunet": 0.15}, enlarged=56, pixels=6_000_000, mirrored=True),
}
"""The same trades where YuNet is asked too: `balanced` leaves the largest scale, which costs most, to it."""

FLOORS: Mapping[DetectorName, float] = {"blazeface": 0.1, "centerface": 0.03, "yunet": 0.1}
"""What detectors are built to answer at least: no plan asks for less, and below this nearly every answer is false."""

CEILINGS: Mapping[DetectorName, float] = {"blazeface": 0.5, "centerface": 0.25, "yunet": 0.6}
"""A score that is sure enough for an area of any size: a face that fills the photo is never asked for more."""

GLANCE = Plan(CEILINGS, enlarged=28, pixels=750_000, mirrored=False, windowed=False)
"""For the second look at what is redacted already: only what is surely a face, at half the scale of `balanced`.
BlazeFace has looked through its windows before, at a lower score, and only what was hidden has changed."""

LARGE = 9_600_000
"""Pixels of a photo from which on the largest scale has a fixed share of them, until a quarter more is reached at 12
million."""

SHARE = 0.006
"""An area of this share of the frame must score twice the threshold."""


def plan_of(name: PlanName, asked: Collection[DetectorName]) -> Plan:
    """The plan of that name for the detectors that are asked."""
    return (BESIDE_YUNET if "yunet" in asked else PLANS)[name]


def budget(pixels: int, width: int, height: int) -> float:
    """Pixels of the largest scale of a frame of `width` by `height`, where the plan says `pixels`.

    From LARGE on it is up to a quarter more. Without it 11 of 256 faces of 24 to 28 pixels at the very edge of 12
    megapixels were missed, with it 2.
    """
    return pixels * min(max(width * height / LARGE, 1.0), 1.25)


def convincing(region: Region, threshold: float, area: float) -> bool:
    """Whether a region of a frame of `area` pixels scores enough for its size: a wrong one costs what it covers.

    The demand grows with the side of the region, from the threshold to the detector's ceiling. Asking every region for
    the same score covers a quarter more of the photos for nothing at the same number of misses.
    """
    demand = threshold * (1 + math.sqrt(region.width * region.height / area / SHARE))
    return region.score >= max(threshold, min(CEILINGS[region.detector], demand))

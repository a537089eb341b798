"""The former way to carry areas through an animation, all of whose frames are held at once: what the present one is compared with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facewarden import regions
from facewarden.sandbox.refine.neighbours import Searched
from facewarden.values import Pixels, Region

REACH = 2
SHARE, CORE, SAME, EDGE, LIKENESS = 0.04, 0.6, 3, 8, 0.25


def carried(searched: Sequence[Searched]) -> Iterator[Searched]:
    """The same frames, each with the areas of those around it; the only frame of a still picture as it is."""
    # All of them before the first is given away, for it may be changed then.
    further = _carried_on(searched)
    for number, one in enumerate(searched):
        around = searched[max(number - REACH, 0) : number + REACH + 1]
        yield dataclasses.replace(one, areas=_united([one.areas, *(each.areas for each in around), further[number]]))


def _carried_on(searched: Sequence[Searched]) -> list[list[Region]]:
    """For each frame the areas of those farther away, of which something still shows in it and in all frames between."""
    further: list[list[Region]] = [[] for _ in searched]
    for number, one in enumerate(searched):
        for area in one.areas:
            for step in (-1, 1):
                for there in _while_it_shows(searched, number, area, step):
                    further[there].append(area)
    return further


def _while_it_shows(searched: Sequence[Searched], number: int, area: Region, step: int) -> Iterator[int]:
    """Frames in one direction from a frame's area, up to one that shows nothing of it or has found it by itself."""
    found = searched[number].frame.pixels
    there = number + step
    while 0 <= there < len(searched):
        one = searched[there]
        if any(_meets(area, own) for own in one.areas) or not shows(one.frame.pixels, found, area):
            return
        yield there
        there += step


def _meets(area: Region, own: Region) -> bool:
    """Whether the other hides the middle of the one and is not much smaller: then it is the same thing, and carried on from there."""
    across, down = area.x + area.width / 2 - own.x, area.y + area.height / 2 - own.y
    alike = own.width * own.height >= area.width * area.height / 2
    return alike and 0 <= across <= own.width and 0 <= down <= own.height


def shows(frame: Pixels, found: Pixels, area: Region) -> bool:
    """Whether a frame shows a part of what another frame, of the same shape, has in this area, or all of it faintly."""
    # Towards its edge an area shows what is behind a person, which stays when that has gone.
    spans = regions.spans(regions.grow(area, CORE, "rectangle"), *found.shape[:2])
    height, width = found.shape[:2]
    one, other = (
        each.reshape(height, width, -1)[spans.rows, spans.columns].astype(np.float32) for each in (found, frame)
    )
    if min(one.shape[:2]) < 2:
        return False
    edges = np.abs(np.diff(one, axis=1)).max(axis=2) > EDGE
    same = (np.abs(one - other) <= SAME).all(axis=2)[:, 1:]
    if edges.any() and same[edges].mean() >= SHARE:
        return True
    return max(_likeness(one[..., part], other[..., part]) for part in _parts(one.shape[2])) >= LIKENESS


def _parts(channels: int) -> list[slice]:
    """Colours, and alpha where there is one: a face may show in either."""
    return [slice(0, 3), *([slice(3, 4)] if channels == 4 else [])]


def _likeness(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Correlation of what is finer than an eighth of the area, 0 where one is plain."""
    fine = [_fine(each.mean(axis=2)) for each in (one, other)]
    size = float(np.linalg.norm(fine[0]) * np.linalg.norm(fine[1]))
    return abs(float(np.vdot(*fine))) / size if size > 0 else 0.0


def _fine(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    side = max(min(grey.shape) // 8, 3)
    fine: npt.NDArray[np.float32] = grey - np.asarray(cv2.blur(grey, (side, side)), dtype=np.float32)
    return fine


def _united(areas: Sequence[list[Region]]) -> list[Region]:
    """Each area once: what stands still is found in the same place in many frames."""
    return list(dict.fromkeys(area for some in areas for area in some))

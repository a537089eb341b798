"""detect: a frame's pixels -> the regions where a face may be.

A detector is one file here, with one class: it is built with its lowest score, tells which looks a plan wants of a
frame (`looks`), and answers for one look's pixels (`find`). The answers for one face are joined without losing
coverage, and kept if one of them is convincing for its size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from facewarden.sandbox.detect import lighting, turning
from facewarden.sandbox.detect.detectors.blazeface import BlazeFace
from facewarden.sandbox.detect.detectors.centerface import CenterFace
from facewarden.sandbox.detect.detectors.yunet import YuNet
from facewarden.sandbox.detect.joining import around, groups
from facewarden.sandbox.detect.plans import FLOORS, GLANCE, Plan, convincing, plan_of
from facewarden.sandbox.detect.pyramid import Pyramid, Turned
from facewarden.sandbox.detect.tiling import Look
from facewarden.values import DetectorName, Pixels, PlanName, Region


class Detector(Protocol):
    """What a file of this folder offers."""

    def looks(self, width: int, height: int, smallest_face: int, plan: Plan) -> list[Look]:
        """The looks wanted of a frame, all lengths in its pixels."""

    def find(self, pixels: Pixels) -> list[Region]:
        """Regions in one look's contiguous RGB pixels (height, width, 3); they may reach past its edges."""

    def close(self) -> None:
        """Give back threads and memory."""


DETECTORS: Mapping[DetectorName, Callable[[float], Detector]] = {"blazeface": BlazeFace, "centerface": CenterFace}
"""Those whose weights this package carries."""


class Found(NamedTuple):
    """What a search gave: regions, and the quarter turns counter-clockwise after which the frame is upright, 0 to 3."""

    regions: list[Region]
    turn: int


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """Loaded detectors, ready to search frames one after the other in the thread that calls."""

    detectors: Mapping[DetectorName, Detector]

    def __call__(
        self,
        frame: Pixels,
        smallest_face: int,
        thresholds: Mapping[DetectorName, float | None] | None = None,
        plan: PlanName = "balanced",
    ) -> list[Region]:
        """The regions of one frame, as `find` finds them."""
        return self.find(frame, smallest_face, thresholds, plan).regions

    def find(
        self,
        frame: Pixels,
        smallest_face: int,
        thresholds: Mapping[DetectorName, float | None] | None = None,
        plan: PlanName = "balanced",
    ) -> Found:
        """The regions of one frame in its pixels, joined, not grown, the surest first; and how the frame lies.

        `frame` may be grey, RGB or RGBA; `smallest_face` is the width in pixels of the smallest face wanted, from 1.
        `thresholds` names the detectors to ask and their lowest scores, 0..1 (None: the plan's); by default, all that
        are loaded.
        """
        given = thresholds or dict.fromkeys(self.detectors)
        trade = plan_of(plan, given)
        asked = {name: trade.thresholds[name] if score is None else score for name, score in given.items()}
        pyramid = Pyramid(rgb(frame))
        judge = turning.judge(asked)
        turn = turning.best(pyramid, self.detectors[judge].find, turning.LIKELY[judge]) if judge else 0
        return Found(self._search(pyramid, smallest_face, asked, trade, turn), turn)

    def glance(self, frame: Pixels, smallest_face: int, names: Iterable[DetectorName], turn: int = 0) -> list[Region]:
        """The regions that are surely faces, by the named detectors at a fifth of the cost of `balanced`.

        `turn` is how the frame lies, as it was found before.
        """
        asked = {name: GLANCE.thresholds[name] for name in names}
        return self._search(Pyramid(rgb(frame)), smallest_face, asked, GLANCE, turn)

    def _search(
        self, pyramid: Pyramid, smallest_face: int, asked: Mapping[DetectorName, float], trade: Plan, turn: int
    ) -> list[Region]:
        width, height = pyramid.size
        answers = self._answers(pyramid, smallest_face, asked, trade)
        if turn:
            sideways = self._answers(Turned(pyramid, turn), smallest_face, asked, trade)
            answers += (turning.turned_back(answer, turn, width, height) for answer in sideways)
        return [
            around(group)
            for group in groups(answers)
            if any(convincing(answer, asked[answer.detector], width * height) for answer in group)
        ]

    def _answers(
        self, pyramid: Pyramid, smallest_face: int, asked: Mapping[DetectorName, float], trade: Plan
    ) -> list[Region]:
        """What every asked detector answers at its threshold in all its looks, in pixels of the frame."""
        width, height = pyramid.size
        answers: list[Region] = []
        for name, threshold in asked.items():
            for look in self.detectors[name].looks(width, height, smallest_face, trade):
                for pixels in lighting.views(look.cut(pyramid)):
                    found = (answer for answer in self.detectors[name].find(pixels) if answer.score >= threshold)
                    answers += look.place(found, width, height)
        return answers

    def close(self) -> None:
        """Give back threads and memory; a process that ends without it (os._exit) loses nothing."""
        for detector in self.detectors.values():
            detector.close()


def load(names: Iterable[DetectorName] = DETECTORS, *, yunet: bytes = b"") -> Search:
    """Build the named detectors, and YuNet where its weights are given, and try each once.

    Nothing is left to load then. Raises CannotStart where weights are missing or altered, or a library cannot be
    loaded.
    """
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    detectors = {name: DETECTORS[name](FLOORS[name]) for name in names}
    if yunet:
        detectors["yunet"] = YuNet(FLOORS["yunet"], yunet)
    search = Search(detectors)
    search(np.full((64, 96, 3), 127, np.uint8), 20, dict.fromkeys(search.detectors, 1.0))
    return search


def rgb(frame: Pixels) -> Pixels:
    """The frame as contiguous RGB. Alpha is left out: the colours under a transparent pixel still show the face."""
    if frame.ndim == 2:
        return np.ascontiguousarray(np.repeat(frame[:, :, None], 3, axis=2))
    return np.ascontiguousarray(frame[:, :, :3])

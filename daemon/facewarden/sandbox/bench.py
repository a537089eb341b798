"""The bench: decode, detect and redact with their libraries loaded and warm, and the order they take on a photo."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator

import cv2

from facewarden import regions
from facewarden.errors import FACE_REMAINS, FileRefused
from facewarden.sandbox import decode, detect, redact, wire
from facewarden.sandbox.refine import neighbours, second_look, transparency, zones
from facewarden.sandbox.refine.neighbours import Searched
from facewarden.values import EMBLEM, Frame, Pixels, Recipe, Region

HIDDEN = 0.98
"""Share of a found region from which on it adds nothing to what is hidden already: all but its outermost pixels."""


class Bench:
    """Built once, before the last lock: afterwards no file can be opened, so nothing may be left to load."""

    def __init__(self, yunet: bytes = b"") -> None:
        """`yunet` is the content of supplied weights. Raises CannotStart where weights or a library cannot be used."""
        cv2.setNumThreads(1)
        decode.preload()
        self._search = detect.load(yunet=yunet)

    def treat(self, request: wire.Request) -> None:
        """Decode, search, redact and send. Raises FileRefused where the file is at fault.

        Pages go one after the other, so that one of them is held at a time; the frames of an animation do so twice.
        """
        recipe = request.recipe
        watch = _Stopwatch()
        # The trusted side has had the emblem opened before the first photo came, so that this cannot be refused.
        emblem = decode.decode(recipe.emblem, EMBLEM).frames[0].pixels if recipe.emblem else None
        head, frames = decode.opened(request.original, recipe.limits)
        watch.lap("decode")
        wire.write_picture(head)
        if isinstance(frames, decode.Reel):
            searched = self._twice(frames, recipe, watch)
        else:
            searched = self._searched(frames, recipe, watch)
        for one in searched:
            self._answer(one, request, emblem, watch)
            del one  # before the next page is decoded
        wire.write_done(**watch.seconds)

    def _twice(self, reel: decode.Reel, recipe: Recipe, watch: _Stopwatch) -> Iterator[Searched]:
        """The frames of an animation, decoded anew after all were searched.

        A face found in one is hidden in those around it.
        """
        noted = neighbours.carried(
            self._searched(reel, recipe, watch),
            lambda: (frame.pixels for frame, _ in _covered(reel, recipe, watch)),
        )
        for (frame, fixed), one in zip(_covered(reel, recipe, watch), noted, strict=True):
            yield Searched(frame, fixed, one.areas, one.turn)
            del frame

    def _searched(self, frames: Iterable[Frame], recipe: Recipe, watch: _Stopwatch) -> Iterator[Searched]:
        """Each frame as it is decoded, with what is to be hidden in it."""
        for frame, fixed in _covered(frames, recipe, watch):
            seen, turn = self._find(frame.pixels, recipe)
            areas = self._look_through(frame.pixels, _grown(seen, recipe), recipe)
            found = Searched(frame, fixed, areas, turn)
            del frame
            watch.lap("detect")
            yield found
            del found

    def _answer(self, one: Searched, request: wire.Request, emblem: Pixels | None, watch: _Stopwatch) -> None:
        """Redact one frame, look again and send it."""
        recipe, pixels, areas = request.recipe, one.frame.pixels, one.areas
        again: list[Region] = []
        if request.with_pixels:
            redact.hide_in_place(pixels, areas, recipe.style)
            watch.lap("redact")
            again = self._look_again(pixels, one, recipe)
            watch.lap("detect")
            redact.draw_over(pixels, areas, recipe.style, emblem)
            if recipe.safety_frame:
                redact.draw_safety_frame(pixels, [*areas, *again])
            watch.lap("redact")
        hidden = [*one.fixed, *areas, *again]
        frame = dataclasses.replace(one.frame, pixels=pixels)
        wire.write_frame(frame, hidden, len(again), with_pixels=request.with_pixels)
        watch.skip()

    def _find(self, pixels: Pixels, recipe: Recipe) -> detect.Found:
        """Where a face may be in one frame, without the zones that are left alone, and how it lies."""
        found, turn = self._search.find(pixels, recipe.smallest_face, recipe.thresholds, recipe.plan)
        return detect.Found(zones.outside(found, recipe.never, *pixels.shape[:2]), turn)

    def _look_through(self, pixels: Pixels, areas: list[Region], recipe: Recipe) -> list[Region]:
        """The areas of a frame together with those that only its transparency shows."""
        if not transparency.varies(pixels):
            return areas
        hidden = regions.coverage(areas, *pixels.shape[:2])
        found: list[Region] = []
        for view in transparency.views(pixels):
            seen = self._find(view, recipe).regions
            # The same face, found a little to one side, lies within its grown area and adds nothing.
            new = _grown([region for region in seen if second_look.hidden_share(region, hidden) < HIDDEN], recipe)
            hidden |= regions.coverage(new, *pixels.shape[:2])
            found += new
        return areas + found

    def _look_again(self, pixels: Pixels, one: Searched, recipe: Recipe) -> list[Region]:
        """Cover what is surely a face in a redacted frame without emblem and safety frame (detectors see faces in both).

        Returns the areas covered. Raises FileRefused(FACE_REMAINS) where one is left after several rounds.
        """
        hidden = regions.coverage(one.areas, *pixels.shape[:2])
        again: list[Region] = []
        for _ in range(second_look.ROUNDS):
            seen = [
                region
                for view in (pixels, *transparency.views(pixels))
                for region in self._search.glance(view, recipe.smallest_face, recipe.thresholds, one.turn)
            ]
            found = zones.outside(seen, recipe.never, *pixels.shape[:2])
            left = _grown(second_look.remaining(found, hidden), recipe)
            if not left:
                return again
            redact.hide_in_place(pixels, left, "solid")
            hidden |= regions.coverage(left, *pixels.shape[:2])
            again += left
        raise FileRefused(FACE_REMAINS)


def _covered(frames: Iterable[Frame], recipe: Recipe, watch: _Stopwatch) -> Iterator[tuple[Frame, list[Region]]]:
    """Each frame as it is decoded, with the zones that are hidden in every photo covered, and these."""
    for frame in frames:
        watch.lap("decode")
        pixels, fixed = zones.cover(frame.pixels, recipe.always)
        found = dataclasses.replace(frame, pixels=pixels), fixed
        del frame, pixels
        yield found
        del found
        watch.lap("detect")


def _grown(found: list[Region], recipe: Recipe) -> list[Region]:
    return [regions.grow(region, recipe.growth, recipe.shape) for region in found]


class _Stopwatch:
    """Seconds by stage, on a monotonic clock."""

    def __init__(self) -> None:
        self.seconds = {"decode": 0.0, "detect": 0.0, "redact": 0.0}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """Count the time since the last call for this stage."""
        now = time.monotonic()
        self.seconds[stage] += now - self._last
        self._last = now

    def skip(self) -> None:
        """Count the time since the last call for no stage (waiting for the reader of the pipe)."""
        self._last = time.monotonic()

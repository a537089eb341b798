"""The self-test of recall: drawn faces go through a real worker with each inbox's settings, and must come back hidden.

A detector that was altered, that a library's update broke or whose thresholds were set too high would go on in silence
and deliver every photo untouched. The faces are drawn here with numpy, so that no photo of a person is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from facewarden.errors import RECALL_LOST, CannotStart, FileRefused
from facewarden.pool import Pool
from facewarden.replies import Reply
from facewarden.values import Limits, Pixels, Recipe, Region

SECONDS = 120.0
TRIES = 3
"""A worker may die of something else; so often in a row it counts as a failure."""
HIDDEN = 0.9
"""Share of a face's pixels that must have changed."""
SKINS = ((205, 160, 130), (110, 75, 55), (235, 200, 180))
HAIRS = ((60, 42, 30), (25, 20, 18), (190, 150, 90))
DRAWN = 400
"""Side in pixels at which a face is drawn at most; a larger one is this one enlarged, which takes less time."""

INNER = ((0.36, 0.68), (0.38, 0.62))
"""Where in its picture the drawn face is, from the brows to the mouth."""

Colour = tuple[float, ...]
Try = tuple[Recipe, str | None]
"""A recipe, and for whom it is tried."""


def require_recall(pool: Pool, recipes: Iterable[Try], *, fresh: bool = False) -> None:
    """Raises CannotStart(RECALL_LOST) where a recipe leaves a drawn face as it was, PoolStopped once the pool stopped.

    Each recipe comes with the owner of the workers that will treat its photos: the one that is tried is of use
    afterwards. `fresh`: no worker has seen a photo yet. Then each may try the recipes of several owners, all workers at
    the same time; later on one that was broken into could answer for another owner's search.
    """
    tries = list({recipe.to_json(): (recipe, owner) for recipe, owner in recipes}.values())
    lanes = _lanes(tries, pool.size) if fresh else [tries]
    with ThreadPoolExecutor(len(lanes), "recall") as workers:
        found = list(
            workers.map(lambda lane: all(_finds(pool, _for_test(recipe), owner) for recipe, owner in lane), lanes)
        )
    if not all(found):
        raise CannotStart(RECALL_LOST)


def _lanes(tries: list[Try], count: int) -> list[list[Try]]:
    """The recipes dealt out to so many workers at most, each of which keeps the owner of its first one."""
    tries = sorted(tries, key=lambda each: each[1] is None)  # without an owner a worker is gone after one picture
    owners = [owner for _, owner in tries[:count]]
    return [[(recipe, owner) for recipe, _ in tries[lane :: len(owners)]] for lane, owner in enumerate(owners)]


def _for_test(recipe: Recipe) -> Recipe:
    """The same search and style; zones and limits of the inbox are not meant for the drawn picture."""
    return dataclasses.replace(recipe, always=(), never=(), limits=Limits())


def _finds(pool: Pool, recipe: Recipe, owner: str | None) -> bool:
    # A face is about 0.43 of its picture's side: well above the smallest that is wanted.
    side = max(128, 3 * recipe.smallest_face)
    picture = np.concatenate([enlarged(side, skin, hair) for skin, hair in zip(SKINS, HAIRS, strict=True)], axis=1)
    side = picture.shape[0]
    for _ in range(TRIES):
        try:
            reply = pool.treat(ppm(picture), recipe, SECONDS, owner=owner)
        except FileRefused:
            continue
        return all(_is_hidden(picture, reply, side, number) for number in range(len(SKINS)))
    return False


def _is_hidden(before: Pixels, reply: Reply, side: int, number: int) -> bool:
    """Whether one of the faces was found, by the first look and not the second alone, and is no longer what it was."""
    after, regions = reply.picture.frames[0].pixels, reply.regions[0]
    (top, bottom), (left, right) = INNER
    left, right = left + number, right + number
    middle = side * (left + right) / 2, side * (top + bottom) / 2
    if before.shape != after.shape or not any(
        _holds(region, *middle) for region in regions[: len(regions) - reply.second_look]
    ):
        return False
    part = slice(int(top * side), int(bottom * side)), slice(int(left * side), int(right * side))
    return bool((before[part] != after[part]).any(axis=-1).mean() >= HIDDEN)


def _holds(region: Region, x: float, y: float) -> bool:
    return region.x < x < region.x + region.width and region.y < y < region.y + region.height


def ppm(pixels: Pixels) -> bytes:
    """RGB pixels as a file of the simplest format there is (Netpbm's PPM)."""
    height, width, _ = pixels.shape
    return b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()


def enlarged(side: int, skin: Colour, hair: Colour) -> Pixels:
    """A drawn face of at least this side."""
    factor = -(-side // DRAWN)
    small = face(-(-side // factor), skin, hair)
    return small.repeat(factor, axis=0).repeat(factor, axis=1)


def face(side: int, skin: Colour, hair: Colour) -> Pixels:
    """A drawn face, head and shoulders, in a square picture. All three detectors find it at about 0.9."""
    canvas = _Canvas(side)
    canvas.ellipse(0.98, 0.5, 0.26, 0.42, (70, 80, 110))
    canvas.ellipse(0.78, 0.5, 0.16, 0.12, _shade(skin, 0.85))
    canvas.ellipse(0.42, 0.5, 0.34, 0.27, hair)
    canvas.ellipse(0.47, 0.5, 0.29, 0.215, skin, soft=0.04)
    canvas.ellipse(0.50, 0.49, 0.075, 0.018, _shade(skin, 1.1), soft=0.5, strength=0.35)
    canvas.ellipse(0.565, 0.5, 0.022, 0.045, _shade(skin, 0.62), soft=0.3, strength=0.45)
    for across in (0.408, 0.592):
        canvas.ellipse(0.435, across, 0.045, 0.065, _shade(skin, 0.6), soft=0.25, strength=0.5)
        canvas.ellipse(0.44, across, 0.020, 0.040, (235, 230, 225), soft=0.12)
        canvas.ellipse(0.44, across, 0.021, 0.020, (50, 35, 25), soft=0.1)
        canvas.ellipse(0.423, across, 0.010, 0.046, (60, 40, 30), soft=0.2)
        canvas.ellipse(0.379, across, 0.013, 0.058, hair, soft=0.3)
    for across in (0.478, 0.522):
        canvas.ellipse(0.575, across, 0.009, 0.012, _shade(skin, 0.35), soft=0.2)
    canvas.ellipse(0.645, 0.5, 0.024, 0.075, (165, 80, 80), soft=0.12)
    canvas.ellipse(0.645, 0.5, 0.005, 0.070, (90, 40, 40), soft=0.3)
    canvas.ellipse(0.69, 0.5, 0.015, 0.05, _shade(skin, 0.7), soft=0.5, strength=0.4)
    pixels: Pixels = np.clip(canvas.pixels, 0, 255).astype(np.uint8)
    return pixels


def _shade(colour: Colour, factor: float) -> Colour:
    return tuple(factor * part for part in colour)


class _Canvas:
    """A square of background; lengths are shares of its side."""

    def __init__(self, side: int) -> None:
        self._down, self._across = np.mgrid[0:side, 0:side] / side
        self.pixels = np.array((120.0, 135.0, 150.0)) + (0.5 - self._down)[..., None] * 30

    def ellipse(
        self, y: float, x: float, tall: float, wide: float, colour: Colour, soft: float = 0.06, strength: float = 1.0
    ) -> None:
        """Paint an ellipse around a centre, with half axes and a soft edge."""
        away = np.sqrt(((self._down - y) / tall) ** 2 + ((self._across - x) / wide) ** 2)
        cover = strength / (1 + np.exp(np.clip((away - 1) / soft, -50, 50)))
        self.pixels = self.pixels * (1 - cover[..., None]) + cover[..., None] * np.array(colour)

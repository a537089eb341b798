"""A photo that lies on its side is searched in the position in which it shows faces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewarden.sandbox import detect
from facewarden.sandbox.detect import Search, turning
from facewarden.sandbox.detect.joining import overlap
from facewarden.sandbox.detect.pyramid import Pyramid, Turned, turned
from facewarden.values import Pixels, Region

FACE = Region(170, 62, 108, 118, 1.0, "centerface")
"""Where the astronaut's face is, in the 512 x 512 portrait."""


@pytest.fixture(scope="module")
def search() -> Iterator[Search]:
    loaded = detect.load(["centerface"])
    yield loaded
    loaded.close()


@settings(deadline=None)
@given(
    turn=st.integers(0, 3),
    x=st.integers(0, 30),
    y=st.integers(0, 20),
    wide=st.integers(1, 10),
    high=st.integers(1, 10),
)
def test_turning_back_finds_the_same_pixels(turn: int, x: int, y: int, wide: int, high: int) -> None:
    """A rectangle marked before turning is, found after turning and turned back, the same rectangle."""
    frame = np.zeros((30, 40, 3), np.uint8)
    frame[y : y + high, x : x + wide] = 255
    rows, columns = np.nonzero(turned(frame, turn)[:, :, 0])
    across, down = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    seen = Region(int(columns.min()), int(rows.min()), across, down, 0.5, "centerface")
    back = turning.turned_back(seen, turn, 40, 30)
    assert (back.x, back.y, back.width, back.height) == (x, y, wide, high)


@pytest.mark.parametrize("turn", range(4))
def test_a_turned_portrait_is_searched_upright(search: Search, astronaut: Pixels, turn: int) -> None:
    """Whichever way a photo lies, its face is found where it is."""
    lying = turned(astronaut[:, :448], turn)
    regions = search(lying, 60)
    upright = [turning.turned_back(region, turn, 448, 512) for region in regions]
    assert any(overlap(region, FACE) > 0.4 for region in upright)


def test_a_frame_without_a_face_stays_as_it_is(search: Search) -> None:
    """Where no position shows a face, no second search is paid for."""
    assert turning.best(Pyramid(np.full((300, 200, 3), 90, np.uint8)), search.detectors["centerface"].find, 0.3) == 0


@pytest.mark.parametrize(("sideways", "turn"), [(0.8, 0), (1.05, 0), (1.15, 1)])
def test_a_sign_must_be_clear(sideways: float, turn: int) -> None:
    """Many a face looks like one from the side too: only scores that are clearly higher there call for a second search."""
    scores = iter([0.9, sideways, 0.0, 0.2])
    frame = Pyramid(np.zeros((100, 100, 3), np.uint8))
    assert turning.best(frame, lambda _: [Region(10, 10, 20, 20, next(scores), "centerface")], 0.35) == turn


@pytest.mark.parametrize("turn", range(1, 4))
@pytest.mark.parametrize("scale", [1.0, 0.7, 0.3, 2.0])
def test_turned_scales_are_scales_of_the_turned_frame(astronaut: Pixels, turn: int, scale: float) -> None:
    """Scaling first and turning then gives what the other order gives, but for rounding."""
    frame = astronaut[:401, :310]
    ours, theirs = Turned(Pyramid(frame), turn), Pyramid(turned(frame, turn))
    assert ours.size == theirs.size
    assert ours.at(scale).shape == theirs.at(scale).shape
    assert np.abs(ours.at(scale).astype(int) - theirs.at(scale)).max() <= 2

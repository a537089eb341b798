"""Windows cover the frame, overlap enough, and lead back to the frame's own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden.sandbox.detect.tiling import Look, looks, starts
from facewarden.values import Region

LENGTHS = st.integers(1, 6000)
SIDES = st.integers(2, 2000)


@given(length=LENGTHS, side=SIDES, share=st.floats(0, 0.9), place=st.floats(0, 1), size=st.floats(0, 1))
def test_a_face_on_a_seam_lies_whole_in_a_window(
    length: int, side: int, share: float, place: float, size: float
) -> None:
    """Whatever is no longer than the overlap lies whole in one window, wherever it begins."""
    overlap = int(side * share)
    face = min(overlap * size, length)
    begin = place * (length - face)
    assert any(start <= begin and begin + face <= min(start + side, length) for start in starts(length, side, overlap))


@given(width=st.integers(1, 500), height=st.integers(1, 500), side=st.integers(16, 300), overlap=st.integers(0, 299))
def test_windows_cover_each_pixel_and_stay_inside(width: int, height: int, side: int, overlap: int) -> None:
    """Every pixel is seen at least once, and no window reaches past the frame or is larger than asked."""
    seen = np.zeros((height, width), bool)
    for look in looks(width, height, side, overlap % side):
        assert 0 < look.width <= side
        assert 0 < look.height <= side
        assert look.x + look.width <= width
        assert look.y + look.height <= height
        seen[look.y : look.y + look.height, look.x : look.x + look.width] = True
    assert seen.all()


@given(
    x=st.integers(0, 40), y=st.integers(0, 30), width=st.integers(1, 60), height=st.integers(1, 60),
    scale=st.floats(0.05, 4),
)  # fmt: skip
def test_a_region_over_the_whole_window_is_the_window(x: int, y: int, width: int, height: int, scale: float) -> None:
    """What fills the cut-out pixels fills the window in the frame, at any scale, for windows of one pixel too."""
    look = Look(x, y, width, height, scale)
    pixels = look.cut(np.zeros((120, 120, 3), np.uint8))
    found = Region(0, 0, pixels.shape[1], pixels.shape[0], 0.5, "centerface")
    placed = look.place(found, pixels)
    assert (placed.x, placed.y) == (x, y)
    assert (placed.width, placed.height) == pytest.approx((width, height))


def test_an_overlap_as_wide_as_the_window_is_refused() -> None:
    """A window that would never move on is an error and not an endless loop."""
    with pytest.raises(ValueError, match="overlap"):
        looks(100, 100, 32, 32)

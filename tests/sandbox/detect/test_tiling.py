"""Windows cover the frame, overlap enough, and lead back to the frame's own pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden.sandbox.detect.pyramid import Pyramid, scaled
from facewarden.sandbox.detect.tiling import Look, spans, windows
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
    assert any(start <= begin and begin + face <= start + wide for start, wide in spans(length, side, overlap))


@given(width=st.integers(1, 500), height=st.integers(1, 500), side=st.integers(16, 300), overlap=st.integers(0, 299))
def test_windows_cover_each_pixel_and_stay_inside(width: int, height: int, side: int, overlap: int) -> None:
    """Every pixel is seen at least once, and no window reaches past the frame or is larger than asked."""
    seen = np.zeros((height, width), bool)
    for x, y, wide, high in windows(width, height, side, overlap % side):
        assert 0 < wide <= side
        assert 0 < high <= side
        assert 0 <= x <= width - wide
        assert 0 <= y <= height - high
        seen[y : y + high, x : x + wide] = True
    assert seen.all()


@given(width=st.integers(1, 120), height=st.integers(1, 120), scale=st.floats(0.02, 4))
def test_what_fills_a_frame_at_any_scale_fills_it(width: int, height: int, scale: float) -> None:
    """A region over all of the scaled frame is the frame, to the last pixel, for frames of one pixel too."""
    look = Look(0, 0, *scaled(width, height, scale), scale)
    pixels = look.cut(Pyramid(np.zeros((height, width, 3), np.uint8)))
    assert pixels.shape[:2] == (look.height, look.width)
    found = Region(0, 0, look.width, look.height, 0.5, "centerface")
    (placed,) = look.place([found], width, height)
    assert (placed.x, placed.y) == (0, 0)
    assert (placed.width, placed.height) == pytest.approx((width, height))


def test_a_region_in_a_window_is_placed_in_the_frame() -> None:
    """Where the window begins counts at its own scale."""
    (placed,) = Look(20, 30, 40, 40, 0.5).place([Region(4, 2, 8, 6, 0.5, "centerface")], 200, 160)
    assert (placed.x, placed.y, placed.width, placed.height) == (48, 64, 16, 12)


def test_an_overlap_as_wide_as_the_window_is_refused() -> None:
    """A window that would never move on is an error and not an endless loop."""
    with pytest.raises(ValueError, match="overlap"):
        windows(100, 100, 32, 32)


def test_a_mirrored_look_leads_back_to_the_same_place() -> None:
    """What lies at the left of a window is seen at the right in the mirror, and placed at the left again."""
    frame = np.zeros((40, 100, 3), np.uint8)
    frame[10:20, 12:18] = 255
    look = Look(20, 0, 100, 80, 2.0, mirrored=True)
    pixels = look.cut(Pyramid(frame))
    rows, columns = np.nonzero(pixels[:, :, 0] > 127)
    wide, high = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    seen = Region(int(columns.min()), int(rows.min()), wide, high, 0.5, "centerface")
    (placed,) = look.place([seen], 100, 40)
    assert (placed.x, placed.y, placed.width, placed.height) == (12, 10, 6, 10)


def test_what_is_too_large_for_a_look_is_left_to_another() -> None:
    """Answers larger than the look's largest are dropped, in pixels of the look."""
    look = Look(0, 0, 200, 200, 2.0, largest=64)
    answers = [Region(0, 0, width, 20, 0.5, "centerface") for width in (64, 65)]
    assert [placed.width for placed in look.place(answers, 100, 100)] == [32]


@given(order=st.permutations([0.2, 0.4, 0.5, 0.9, 0.05]))
def test_a_scale_looks_alike_in_whatever_order_scales_are_asked(order: list[float]) -> None:
    """What a detector is shown depends on the frame and the scale alone."""
    frame = np.random.default_rng(3).integers(0, 256, (61, 90, 3), np.uint8)
    asked = Pyramid(frame)
    for scale in order:
        asked.at(scale)
    for scale in order:
        assert (asked.at(scale) == Pyramid(frame).at(scale)).all()


def test_a_shrunk_frame_keeps_a_dot_of_every_place() -> None:
    """A bright pixel leaves a trace at any scale, wherever it lies: no pixel is passed over."""
    for x in range(24):
        frame = np.zeros((8, 40, 3), np.uint8)
        frame[3, x] = 255
        for scale in (0.9, 0.6, 0.5, 0.3, 0.2):
            assert Pyramid(frame).at(scale).any(), (x, scale)

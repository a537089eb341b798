"""The veil: what it is filled from where there is much, little or nothing around, and that it is soft."""

from __future__ import annotations

import numpy as np
import pytest
from tests.test_regions import region

from facewarden import regions
from facewarden.sandbox import redact
from facewarden.sandbox.redact import blending, harmonic
from facewarden.values import SHAPES, Pixels, Region


def veiled(frame: Pixels, *areas: Region) -> Pixels:
    return redact.redact(frame, areas, "veil", safety_frame=False)


def slope(height: int, width: int) -> Pixels:
    """Three channels that rise evenly across, down, and not at all."""
    frame = np.empty((height, width, 3), dtype=np.uint8)
    frame[..., 0] = np.linspace(20, 230, width)[None]
    frame[..., 1] = np.linspace(220, 40, height)[:, None]
    frame[..., 2] = 90
    return frame


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [60, 300, 1200])
def test_an_even_slope_is_continued(shape: str, size: int) -> None:
    """A linear function is harmonic: the fill of a slope is the slope, so the veil cannot be seen on it."""
    frame = slope(size, size + 40)
    result = veiled(frame, region(size * 0.3, size * 0.3, size * 0.35, size * 0.4, shape))
    assert np.abs(result.astype(int) - frame).max() <= 4


def test_a_plain_surrounding_gives_a_plain_fill() -> None:
    """Also pure white and pure black, which rounding must not carry over the end of the scale."""
    for level in (0, 128, 255):
        frame = np.full((200, 150, 3), level, dtype=np.uint8)
        assert np.abs(veiled(frame, region(30, 40, 70, 90, "ellipse")).astype(int) - level).max() <= 1


def test_where_neighbours_meet_there_is_no_seam() -> None:
    """Areas that overlap share one fill: from black to white it changes evenly, also across the smaller one's edge."""
    frame = np.zeros((400, 560), dtype=np.uint8)
    frame[:, 280:] = 255
    result = veiled(frame, region(60, 80, 260, 260, "ellipse"), region(290, 160, 90, 90, "ellipse")).astype(int)
    assert np.abs(np.diff(result[205, 100:360])).max() <= 5  # 9 if each had its own


def test_a_noisy_surrounding_gives_a_calm_fill() -> None:
    """From pixel to pixel it changes little, though the frame is all noise."""
    frame = np.random.default_rng(0).integers(0, 256, (400, 600), dtype=np.uint8)
    areas = [region(80, 100, 200, 200, "ellipse"), region(220, 80, 150, 190), region(300, 160, 200, 160, "ellipse")]
    result = veiled(frame, *areas).astype(int)
    covered = regions.coverage(areas, 400, 600)
    across, down = np.diff(result, axis=1), np.diff(result, axis=0)
    assert np.abs(across[covered[:, 1:] & covered[:, :-1]]).max() <= 4
    assert np.abs(down[covered[1:] & covered[:-1]]).max() <= 4


def test_a_neighbours_inside_is_not_looked_at() -> None:
    """Between two areas that touch, the fill comes from the surroundings and not from the other's face."""
    frame = np.full((200, 400, 3), 100, dtype=np.uint8)
    frame[60:140, 100:200] = 255
    result = veiled(frame, region(100, 60, 100, 80), region(200, 60, 100, 80))
    assert np.abs(result.astype(int) - 100).max() <= 1


def test_with_few_pixels_around_they_are_enough() -> None:
    """An area that covers all but a corner is filled with the corner's colour."""
    frame = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    frame[297:, 297:] = (10, 200, 30)
    areas = [region(0, 0, 300, 297), region(0, 0, 297, 300)]
    result = veiled(frame, *areas)
    assert np.abs(result[:290, :290].astype(int) - (10, 200, 30)).max() <= 1


def test_with_nothing_around_in_sight_the_rest_of_the_frame_serves() -> None:
    """Where the ring is transparent, the mean of what can be seen elsewhere is taken."""
    frame = np.zeros((300, 300, 4), dtype=np.uint8)
    frame[:20, :, :] = (40, 80, 120, 255)
    result = veiled(frame, region(100, 150, 60, 60))
    assert np.abs(result[160:200, 110:150, :3].astype(int) - (40, 80, 120)).max() <= 1


def test_with_nothing_in_sight_at_all_the_fill_is_grey() -> None:
    """An area over the whole frame, or a frame that is transparent everywhere."""
    whole = veiled(np.full((50, 40, 3), 200, dtype=np.uint8), region(-9, -9, 99, 99))
    clear = veiled(np.zeros((50, 40, 4), dtype=np.uint8), region(10, 10, 20, 20))
    assert (whole == 128).all()
    assert (clear[10:30, 10:30, :3] == 128).all()


def test_the_colour_under_transparent_pixels_is_not_spread() -> None:
    """What a transparent pixel is coloured is arbitrary, and must not tint the fill beside it."""
    frame = np.full((100, 100, 4), 255, dtype=np.uint8)
    frame[:, 50:] = (0, 0, 0, 0)
    result = veiled(frame, region(35, 35, 30, 30, "ellipse"))
    assert result[40:60, 40:48, :3].min() >= 254


@pytest.mark.parametrize("shape", SHAPES)
def test_the_edge_fades_out_in_proportion_and_only_outwards(shape: str) -> None:
    """Inside nothing of the face shows, not even at the edge; outside the frame returns within the reach."""
    for size in (40, 160, 640):
        area = region(size, size, size, size, shape)
        frame = np.full((3 * size, 3 * size), 50, dtype=np.uint8)
        frame[regions.coverage([area], *frame.shape)] = 255
        checks = np.indices(frame.shape).sum(axis=0) % 2 == 0
        frame[checks & (frame == 50)] = 70
        result = veiled(frame, area)
        assert result[regions.coverage([area], *frame.shape)].max() <= 71
        row = result[size * 3 // 2, 2 * size :].astype(int)
        fade = int(np.argmax((np.abs(np.diff(row)) == 20).cumsum() == 2))
        assert fade <= blending.reach(area) + 2
        assert blending.reach(area) == pytest.approx(0.14 * size)


def test_large_fills_have_no_steps() -> None:
    """A slope of ten levels over a thousand pixels is dithered, not drawn in bands of a hundred."""
    frame = np.repeat(np.linspace(100, 110, 1200)[None], 1000, axis=0).round().astype(np.uint8)
    inside = veiled(frame, region(100, 100, 1000, 800))[300:700, 300:900].astype(float)
    assert np.abs(np.diff(inside.mean(axis=0))).max() < 0.25


def test_known_cells_stay_and_unknown_ones_lie_between_them() -> None:
    """The harmonic surface has no peak of its own, whatever stands in unknown cells."""
    rng = np.random.default_rng(0)
    values = rng.uniform(50, 200, (37, 53, 3)).astype(np.float32)
    known = rng.random((37, 53)) < 0.1
    other = np.where(known[..., None], values, np.float32(np.nan))
    surface = harmonic.spread(other, known)
    assert (surface[known] == values[known]).all()
    assert surface.min() >= values[known].min() - 1
    assert surface.max() <= values[known].max() + 1


def test_the_surface_solves_laplaces_equation() -> None:
    """Each unknown cell is the mean of its neighbours, to within the rounds that are done."""
    values = np.zeros((40, 40, 1), dtype=np.float32)
    values[:, 0], values[:, -1], values[0], values[-1] = 0, 255, 100, 30
    known = np.ones((40, 40), dtype=np.bool_)
    known[1:-1, 1:-1] = False
    surface = harmonic.spread(values, known)[..., 0]
    mean = (surface[:-2, 1:-1] + surface[2:, 1:-1] + surface[1:-1, :-2] + surface[1:-1, 2:]) / 4
    assert np.abs(surface[1:-1, 1:-1] - mean).max() < 1


def test_no_face_is_left_in_a_portrait(astronaut: Pixels) -> None:
    """Inside the area the picture holds no detail: no two neighbouring pixels differ by more than a shade."""
    area = region(170, 40, 110, 160, "ellipse")
    result = veiled(astronaut, area).astype(int)
    covered = regions.coverage([area], *astronaut.shape[:2])
    steps = np.abs(np.diff(result, axis=1)).max(axis=2)
    assert steps[covered[:, 1:] & covered[:, :-1]].max() <= 12

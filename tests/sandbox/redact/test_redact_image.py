"""Style `image`: the operator's emblem over a veil, whole, in proportion, and nothing of the inside through its holes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.test_regions import region

from facewarden import regions
from facewarden.sandbox import redact
from facewarden.values import SHAPES, Pixels, Region

RED, CLEAR = (200, 10, 20, 255), (0, 255, 0, 0)


def covered_with(emblem: Pixels, frame: Pixels, *areas: Region) -> Pixels:
    return redact.redact(frame, areas, "image", safety_frame=False, emblem=emblem)


def disc(side: int) -> Pixels:
    """A red disc that fills a transparent square, whose transparent pixels are green."""
    across, down = (np.indices((side, side)) + 0.5) / side - 0.5
    emblem = np.empty((side, side, 4), dtype=np.uint8)
    emblem[:] = CLEAR
    emblem[np.hypot(across, down) <= 0.5] = RED
    return emblem


@pytest.mark.parametrize("side", [9, 64, 900])
@pytest.mark.parametrize("size", [(40, 40), (200, 260), (900, 700)])
def test_the_emblem_fits_into_the_area_in_proportion(side: int, size: tuple[int, int]) -> None:
    """A disc stays a disc as wide as the area's shorter side, in its middle, whatever its own size."""
    width, height = size
    frame = np.full((1000, 1100, 3), 90, dtype=np.uint8)
    result = covered_with(disc(side), frame, region(100, 150, width, height))
    reds = result[..., 0] > 145
    rows, columns = np.flatnonzero(reds.any(axis=1)), np.flatnonzero(reds.any(axis=0))
    shorter, blur = min(size), max(1.0, min(size) / side)
    assert np.ptp(rows) + 1 == pytest.approx(shorter, abs=blur)
    assert np.ptp(columns) + 1 == pytest.approx(shorter, abs=blur)
    assert rows.mean() == pytest.approx(150 + height / 2 - 0.5, abs=blur)
    assert columns.mean() == pytest.approx(100 + width / 2 - 0.5, abs=blur)
    assert reds.sum() == pytest.approx(np.pi / 4 * shorter**2, rel=max(0.05, 2 / min(side, shorter)))
    assert (result[150 + height // 2, 100 + width // 2] == RED[:3]).all()


def test_a_round_emblem_is_whole_in_an_ellipse() -> None:
    """The same disc, to the pixel, in an ellipse that is higher than wide and in a rectangle."""
    frame = np.full((300, 300, 3), 90, dtype=np.uint8)
    in_ellipse, in_rectangle = (covered_with(disc(64), frame, region(60, 50, 120, 170, shape)) for shape in SHAPES)
    assert np.abs(in_ellipse.astype(int) - in_rectangle).max() <= 1


def test_through_its_holes_the_veil_is_seen() -> None:
    """A fully transparent emblem leaves the veil alone, and half a one is mixed with it."""
    frame = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    area = region(40, 50, 100, 110, "ellipse")
    veil = redact.redact(frame, [area], "veil", safety_frame=False)
    clear = np.zeros((20, 20, 4), dtype=np.uint8)
    assert (covered_with(clear, frame, area) == veil).all()
    clear[...] = (255, 255, 255, 128)
    middle = np.s_[90:120, 75:105]
    mixed = covered_with(clear, frame, area)[middle].astype(int)
    assert np.abs(mixed - (veil[middle].astype(int) + 256) // 2).max() <= 2


def test_a_transparent_pixels_colour_does_not_seep_out() -> None:
    """The disc's edge is red on grey, with nothing of the green that stands beside it unseen."""
    frame = np.full((400, 400, 3), 90, dtype=np.uint8)
    for side in (7, 800):
        assert covered_with(disc(side), frame, region(50, 50, 300, 300))[..., 1].max() <= 91


def test_nothing_is_drawn_beyond_the_area() -> None:
    """An emblem with corners is cut off at the ellipse's edge."""
    emblem = np.full((50, 50, 3), 255, dtype=np.uint8)
    frame = np.zeros((200, 200, 3), dtype=np.uint8)
    area = region(50, 50, 90, 90, "ellipse")
    result = covered_with(emblem, frame, area)
    covered = regions.coverage([area], 200, 200)
    assert (result[~covered] == 0).all()
    assert (result[covered] == 255).all()


@pytest.mark.parametrize("channels", [None, 3, 4])
@pytest.mark.parametrize("emblem_channels", [None, 3, 4])
def test_any_emblem_goes_on_any_frame(channels: int | None, emblem_channels: int | None) -> None:
    """Grey on colour, colour on grey, with and without alpha; a grey photo stays grey."""
    shape = (80, 90) if channels is None else (80, 90, channels)
    emblem = np.full((6, 6) if emblem_channels is None else (6, 6, emblem_channels), 255, dtype=np.uint8)
    result = covered_with(emblem, np.full(shape, 40, dtype=np.uint8), region(20, 20, 40, 40))
    assert result.shape == shape
    assert (result[30:50, 30:50].reshape(400, -1)[:, :3] == 255).all()
    if channels == 4:
        assert (result[30:50, 30:50, 3] == 255).all()
        assert (result[:10, :, 3] == 40).all()


def test_colour_becomes_grey_as_the_eye_sees_it() -> None:
    """Green is lighter than blue."""
    emblem = np.zeros((1, 2, 3), dtype=np.uint8)
    emblem[0, 0, 1] = emblem[0, 1, 2] = 255
    result = covered_with(emblem, np.zeros((60, 120), dtype=np.uint8), region(0, 0, 120, 60))
    assert (int(result[30, 10]), int(result[30, 110])) == (150, 29)


def test_the_smaller_area_lies_above() -> None:
    """Where areas overlap each emblem is to be seen."""
    frame = np.zeros((200, 300, 3), dtype=np.uint8)
    result = covered_with(disc(100), frame, region(20, 20, 160, 160), region(120, 60, 60, 60))
    assert (result[90, 150] == RED[:3]).all()
    assert (result[100, 60] == RED[:3]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 1), (1000, 1000)])
@pytest.mark.parametrize("area", [region(5, 5, 0.3, 0.4), region(-2e8, -1e8, 4e8, 3e8, "ellipse")])
def test_extreme_sizes_are_drawn(size: tuple[int, int], area: Region) -> None:
    """A line of an emblem, on a speck and on an area as wide as a county."""
    frame = np.zeros((90, 120, 3), dtype=np.uint8)
    result = covered_with(np.full((*size, 3), 255, dtype=np.uint8), frame, area)
    assert result.shape == frame.shape


def test_without_an_emblem_nothing_is_drawn_at_all() -> None:
    """A missing emblem must not leave a face as it is, nor become another style without a word."""
    with pytest.raises(ValueError, match="needs an emblem"):
        redact.redact(np.zeros((9, 9, 3), dtype=np.uint8), [], "image", safety_frame=False)

"""The other styles, and the safety frame."""

from __future__ import annotations

import numpy as np
import pytest
from tests.test_regions import region

from facewarden import regions
from facewarden.sandbox import proof, redact
from facewarden.sandbox.redact import framing, gaussian
from facewarden.values import SHAPES, STYLES, Pixels, Style


def detail(frame: Pixels, covered: regions.Coverage) -> float:
    """Mean difference of neighbouring pixels inside."""
    steps = np.abs(np.diff(frame.astype(int), axis=1)).mean(axis=2)
    return float(steps[covered[:, 1:] & covered[:, :-1]].mean())


@pytest.mark.parametrize(("width", "side"), [(1, 15), (50, 15), (53.4, 17), (100, 31), (101, 31), (1000, 301)])
def test_the_kernel_is_the_original_designs(width: float, side: int) -> None:
    """max(15, 0.3 times the width), made odd."""
    assert gaussian.kernel_side(width) == side


def test_the_blur_is_the_same_small_and_large(astronaut: Pixels) -> None:
    """A face that is four times as large, and so is blurred at a reduced size, looks the same when scaled down."""
    area = region(170, 40, 110, 160, "ellipse")
    small = redact.redact(astronaut, [area], "gaussian", safety_frame=False)
    large = astronaut.repeat(4, axis=0).repeat(4, axis=1)
    large = redact.redact(large, [region(680, 160, 440, 640, "ellipse")], "gaussian", safety_frame=False)
    shrunk = large.reshape(512, 4, 512, 4, 3).mean(axis=(1, 3))
    covered = regions.coverage([area], 512, 512)
    assert np.abs(shrunk[covered] - small[covered]).mean() < 2


@pytest.mark.parametrize("style", ["gaussian", "mosaic"])
def test_cosmetic_styles_take_away_detail(astronaut: Pixels, style: Style) -> None:
    """They are worth little, but they do blur."""
    area = region(170, 40, 110, 160, "ellipse")
    covered = regions.coverage([area], 512, 512)
    result = redact.redact(astronaut, [area], style, safety_frame=False)
    assert detail(result, covered) < detail(astronaut, covered) / 2


@pytest.mark.parametrize("size", [40, 400])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mosaic_has_four_cells_across_whatever_the_size(size: int, shape: str) -> None:
    """Four columns and five rows of one colour each, for an area a quarter higher than wide."""
    frame = np.zeros((2 * size, 2 * size, 3), dtype=np.uint8)
    frame[..., 0], frame[..., 1] = np.linspace(0, 255, 2 * size)[None], np.linspace(0, 255, 2 * size)[:, None]
    area = region(10, 10, size, size * 1.25, shape)
    result = redact.redact(frame, [area], "mosaic", safety_frame=False)
    covered = regions.coverage([area], 2 * size, 2 * size)
    middle = result[10 + size * 5 // 8, 10 : 10 + size]
    assert (np.diff(middle.astype(int), axis=0) != 0).any(axis=1).sum() == 3
    assert len(np.unique(result[covered], axis=0)) == 20


def test_a_mosaics_cells_are_means_of_the_inside_only() -> None:
    """What lies beside the area does not enter its cells, or the outside could be told from them."""
    frame = np.full((100, 100), 255, dtype=np.uint8)
    area = region(10, 10, 80, 80, "ellipse")
    covered = regions.coverage([area], 100, 100)
    frame[covered] = 40
    result = redact.redact(frame, [area], "mosaic", safety_frame=False)
    assert (result == frame).all()


def test_solid_is_one_colour() -> None:
    """Each covered pixel, in each channel, in each mode."""
    areas = [region(10.5, 10.5, 50, 60, "ellipse"), region(50, 60, 30, 20)]
    covered = regions.coverage(areas, 90, 90)
    for shape in ((90, 90), (90, 90, 3), (90, 90, 4)):
        frame = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        result = redact.redact(frame, areas, "solid", safety_frame=False)
        assert (result.reshape(90, 90, -1)[covered][:, :3] == 128).all()


@pytest.mark.parametrize(("size", "line"), [((1, 1), 2), ((480, 640), 2), ((3000, 4000), 12), ((6000, 8000), 24)])
def test_the_safety_frame_is_in_proportion_to_the_photo(size: tuple[int, int], line: int) -> None:
    """Four thousandths of the shorter side."""
    assert framing.line_width(*size) == line


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_safety_frame_runs_around_the_area_and_not_over_it(style: Style, shape: str) -> None:
    """Green just outside the edge, all around; inside, the same as without it."""
    frame = np.random.default_rng(0).integers(0, 200, (300, 400, 3), dtype=np.uint8)
    area = region(100, 80, 120, 140, shape)
    plain, framed = (redact.redact(frame, [area], style, on, proof.EMBLEM) for on in (False, True))
    covered = regions.coverage([area], 300, 400)
    line = regions.coverage([regions.widen(area, 2)], 300, 400) & ~covered
    assert (framed[line] == (0, 255, 0)).all()
    assert (framed[~line] == plain[~line]).all()
    assert covered[79:221, 99:221].sum() == covered.sum()


def test_a_grey_photo_stays_grey_and_its_frame_is_black_and_white() -> None:
    """Seen on any ground."""
    result = redact.redact(np.full((200, 200), 128, dtype=np.uint8), [region(60, 60, 80, 80)], "veil", True)
    assert result.ndim == 2
    assert result[100, 55:62].tolist() == [128, 128, 128, 0, 255, 128, 128]


def test_each_area_has_its_own_frame() -> None:
    """Where two areas overlap, a person sees that there are two."""
    frame = np.zeros((200, 300, 3), dtype=np.uint8)
    result = redact.redact(frame, [region(50, 50, 100, 100), region(120, 50, 100, 100)], "solid", True)
    assert (np.diff((result[100] == (0, 255, 0)).all(axis=1).astype(int)) == 1).sum() == 4

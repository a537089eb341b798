"""Regions: growing, which pixels they cover, and which of them are neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden import regions
from facewarden.values import SHAPES, Region


def region(x: float, y: float, width: float, height: float, shape: str = "rectangle") -> Region:
    return Region(x, y, width, height, 0.9, "centerface", shape)  # type: ignore[arg-type]


@st.composite
def near(draw: st.DrawFn, height: int, width: int) -> Region:
    """Regions in and around a frame: tiny, thin, huge, touching or crossing each edge, far outside."""
    size = st.one_of(st.floats(1e-6, 1), st.floats(1, 40), st.floats(40, 1e4))
    wide, high = draw(size), draw(size)
    x = draw(st.one_of(st.floats(-wide, width), st.sampled_from([-wide, 0.0, width - wide, float(width), 1e6])))
    y = draw(st.one_of(st.floats(-high, height), st.sampled_from([-high, 0.0, height - high, float(height), -1e6])))
    return region(x, y, wide, high, draw(st.sampled_from(SHAPES)))


def touching(area: Region, height: int, width: int, slack: float) -> regions.Coverage:
    """By definition: pixels whose nearest point to the region's centre lies in the region, made larger by `slack`."""
    across = np.maximum(np.abs(np.arange(width) + 0.5 - area.x - area.width / 2) - 0.5, 0) / (area.width / 2)
    down = np.maximum(np.abs(np.arange(height) + 0.5 - area.y - area.height / 2) - 0.5, 0) / (area.height / 2)
    if area.shape == "rectangle":
        return np.asarray((across[None] < 1 + slack) & (down[:, None] < 1 + slack))
    return np.asarray(across[None] ** 2 + down[:, None] ** 2 < 1 + slack)


@given(near(30, 40))
def test_every_pixel_that_a_region_touches_is_covered_and_no_other(area: Region) -> None:
    """Coverage is the definition written out, but for pixels that the outline touches in a point."""
    covered = regions.coverage([area], 30, 40)
    assert covered[touching(area, 30, 40, slack=-1e-6)].all()
    # The slack is for rounding: half an ulp of a coordinate is much beside a region of a millionth of a pixel.
    assert not covered[~touching(area, 30, 40, slack=1e-6 + 1e-9 / min(area.width, area.height))].any()


def test_a_rectangle_on_pixel_borders_covers_exactly_its_pixels() -> None:
    """Nothing is added where the outline runs between pixels."""
    covered = regions.coverage([region(3, 2, 4, 5)], 10, 10)
    assert covered[2:7, 3:7].all()
    assert covered.sum() == 20


@pytest.mark.parametrize("shape", SHAPES)
def test_the_smallest_region_covers_the_pixel_that_it_lies_in(shape: str) -> None:
    """No face is too small to be hidden."""
    covered = regions.coverage([region(3.5, 2.5, 1e-9, 1e-9, shape)], 10, 10)
    assert np.argwhere(covered).tolist() == [[2, 3]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", [(-5, 2), (10, 2), (2, -5), (2, 10), (1e6, 1e6)])
def test_a_region_beside_the_frame_covers_nothing(shape: str, place: tuple[float, float]) -> None:
    """Touching an edge from outside is not yet crossing it."""
    assert not regions.coverage([region(*place, 5, 5, shape)], 10, 10).any()


@given(st.lists(near(20, 30), max_size=6))
def test_coverage_is_the_union_in_any_order(areas: list[Region]) -> None:
    """Many regions cover what each of them covers."""
    union = np.zeros((20, 30), dtype=np.bool_)
    for area in areas:
        union |= regions.coverage([area], 20, 30)
    assert (regions.coverage(areas, 20, 30) == union).all()
    assert (regions.coverage(areas[::-1], 20, 30) == union).all()


@given(near(20, 30), st.integers(0, 19), st.integers(0, 20), st.integers(0, 29), st.integers(0, 30))
def test_a_part_of_the_coverage_is_cut_from_the_whole(
    area: Region, top: int, height: int, left: int, width: int
) -> None:
    """Strips and runs show the same pixels as the full picture."""
    whole, spans = regions.coverage([area], 20, 30), regions.spans(area, 20, 30)
    rows, columns = slice(top, min(top + height, 20)), slice(left, min(left + width, 30))
    assert (spans.within(rows, columns) == whole[rows, columns]).all()
    runs = np.zeros_like(whole)
    for row, start, end in spans.runs(rows):
        assert start < end
        runs[row, start:end] = True
    assert (runs[rows] == whole[rows]).all()
    assert runs.sum() == whole[rows].sum()


@given(near(20, 30), st.floats(0.1, 10), st.sampled_from(SHAPES))
def test_growing_keeps_the_centre(area: Region, growth: float, shape: str) -> None:
    """Width and height are multiplied; score and detector stay; the shape is the one asked for."""
    grown = regions.grow(area, growth, shape)  # type: ignore[arg-type]
    assert grown.width == pytest.approx(area.width * growth)
    assert grown.height == pytest.approx(area.height * growth)
    assert grown.x + grown.width / 2 == pytest.approx(area.x + area.width / 2, abs=1e-6)
    assert grown.y + grown.height / 2 == pytest.approx(area.y + area.height / 2, abs=1e-6)
    assert (grown.score, grown.detector, grown.shape) == (area.score, area.detector, shape)


def test_growing_may_cross_the_frames_edges() -> None:
    """A face at the edge is covered beyond it rather than shifted."""
    assert regions.grow(region(0, 0, 10, 20), 1.6, "ellipse") == region(-3, -6, 16, 32, "ellipse")


@pytest.mark.parametrize("growth", [0.0, -1.0, math.nan, math.inf])
def test_a_senseless_growth_is_refused(growth: float) -> None:
    """A region must not vanish by a wrong number."""
    with pytest.raises(ValueError, match="growth must be"):
        regions.grow(region(0, 0, 10, 20), growth, "ellipse")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e10])
@pytest.mark.parametrize("number", range(4))
def test_numbers_that_are_no_place_or_size_are_refused(number: int, value: float) -> None:
    """NaN and infinity, in any of the four numbers."""
    x, y, width, height = np.where(np.arange(4) == number, value, 1.0).tolist()
    for use in (lambda area: regions.grow(area, 1.6, "ellipse"), lambda area: regions.coverage([area], 9, 9)):
        with pytest.raises(ValueError, match="must be a number within"):
            use(region(x, y, width, height))


@pytest.mark.parametrize(("width", "height", "name"), [(0, 1, "width"), (1, -1, "height")])
def test_a_size_of_nothing_is_refused(width: float, height: float, name: str) -> None:
    """An empty region is a fault of whoever made it, not an area to skip."""
    with pytest.raises(ValueError, match=f"{name} must be above zero"):
        regions.coverage([region(1, 1, width, height)], 9, 9)


def test_an_unknown_shape_is_refused() -> None:
    """It is not silently drawn as a rectangle."""
    with pytest.raises(ValueError, match="'star'"):
        regions.coverage([region(1, 1, 1, 1, "star")], 9, 9)


def test_neighbours_of_neighbours_are_in_one_group() -> None:
    """Groups are chains of regions that meet when each is widened by its reach."""
    row = [region(x, 0, 10, 10) for x in (0, 14, 28)]
    far = region(100, 0, 10, 10)
    groups = regions.groups([row[0], far, row[2], row[1]], lambda _: 2.0)
    assert [sorted(area.x for area in group) for group in groups] == [[0, 14, 28], [100]]
    assert len(regions.groups(row, lambda _: 1.9)) == 3
    assert regions.groups([], lambda _: 1.0) == []


@given(st.lists(near(50, 50), max_size=12))
def test_groups_are_a_partition(areas: list[Region]) -> None:
    """Each region is in exactly one group, also if it is given twice."""
    groups = regions.groups(areas + areas[:1], lambda area: area.width / 4)
    assert sorted(map(repr, (area for group in groups for area in group))) == sorted(map(repr, areas + areas[:1]))

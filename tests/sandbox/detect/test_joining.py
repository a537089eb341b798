"""Joining answers: one region a face, and never less covered than before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from facewarden.sandbox.detect.joining import around, groups, overlap
from facewarden.values import Region

SIZES = st.floats(2, 60)
PLACES = st.floats(-20, 100)
REGIONS = st.builds(
    Region, x=PLACES, y=PLACES, width=SIZES, height=SIZES, score=st.floats(0, 1), detector=st.just("centerface")
)


def join(answers: list[Region]) -> list[Region]:
    """One region a group, as the search makes them."""
    return [around(group) for group in groups(answers)]


def covered(regions: list[Region], growth: float) -> npt.NDArray[np.bool_]:
    """Pixels of a 120 x 120 frame whose centre lies in the ellipse of a region grown about its own centre."""
    down, across = np.mgrid[0:120, 0:120] + 0.5
    seen = np.zeros((120, 120), bool)
    for region in regions:
        wide = (across - region.x - region.width / 2) / (region.width * growth / 2)
        high = (down - region.y - region.height / 2) / (region.height * growth / 2)
        seen |= wide**2 + high**2 <= 1
    return seen


@given(answers=st.lists(REGIONS, max_size=8), growth=st.sampled_from([1.0, 1.6]))
def test_no_coverage_is_lost(answers: list[Region], growth: float) -> None:
    """Each pixel that any answer covers is covered after joining, before and after growing."""
    assert not (covered(answers, growth) & ~covered(join(answers), growth)).any()


@given(answers=st.lists(REGIONS, max_size=8))
def test_the_order_of_the_answers_does_not_matter(answers: list[Region]) -> None:
    """The same answers in another order give the same regions, so a photo is always redacted alike."""
    assert join(answers) == join(answers[::-1])


@given(answer=REGIONS, times=st.integers(1, 5))
def test_equal_answers_become_one(answer: Region, times: int) -> None:
    """What several looks answer alike is one region, unchanged."""
    (joined,) = join([answer] * times)
    assert overlap(joined, answer) > 0.99


def test_faces_apart_stay_apart() -> None:
    """Neighbours that hardly overlap are two regions, the surer first."""
    left = Region(0, 0, 20, 20, 0.4, "centerface")
    right = Region(18, 0, 20, 20, 0.9, "blazeface")
    assert join([left, right]) == [right, left]


def test_overlap_is_shared_area_by_area_of_both() -> None:
    """Half over half is a third; apart is nothing; equal is everything."""
    one = Region(0, 0, 10, 10, 1, "centerface")
    assert overlap(one, Region(5, 0, 10, 10, 1, "centerface")) == 1 / 3
    assert overlap(one, Region(10, 0, 10, 10, 1, "centerface")) == 0
    assert overlap(one, one) == 1


def test_a_group_keeps_the_surest_score_and_its_detector() -> None:
    """The joined region tells the score and detector of its surest member."""
    sure = Region(0, 0, 20, 20, 0.9, "blazeface")
    group = around([sure, Region(2, 2, 20, 20, 0.2, "centerface")])
    assert (group.score, group.detector) == (0.9, "blazeface")

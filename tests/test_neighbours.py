"""Animations: a face found in one frame is hidden in those around it, and each frame keeps its time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.pictures import opened

from facewarden import protocol, regions
from facewarden.config.profile import Output
from facewarden.delivery.binding import Binding
from facewarden.pool import Pool
from facewarden.sandbox.neighbours import REACH, Searched, carried
from facewarden.values import Frame, Pixels, Recipe, Region

RECIPE = Recipe({"blazeface": 0.5}, smallest_face=60, style="solid", safety_frame=False)


def searched(*found: list[int]) -> list[Searched]:
    """Frames in which areas of these numbers were found."""
    frame = Frame(np.zeros((4, 4), np.uint8))
    return [Searched(frame, [], [Region(number, 0, 1, 1, 0.5, "blazeface") for number in some]) for some in found]


def test_an_area_reaches_two_frames_and_no_further() -> None:
    """Before and after the frame it was found in; the first and the last frame are no neighbours."""
    after = [sorted({area.x for area in one.areas}) for one in carried(searched([], [], [], [7], [], [], []))]
    assert after == [[], [7], [7], [7], [7], [7], []]
    assert [one.areas for one in carried(searched([1]))] == [searched([1])[0].areas]


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=12))
def test_no_area_is_lost_and_none_invented(found: list[list[int]]) -> None:
    """Each frame has all of its own areas and those of its neighbours, each once."""
    for number, one in enumerate(carried(searched(*found))):
        around = found[max(number - REACH, 0) : number + REACH + 1]
        numbers = [area.x for area in one.areas]
        assert sorted(numbers) == sorted({x for some in around for x in some})


@pytest.mark.parametrize("container", ["GIF", "PNG", "WEBP"])
def test_a_face_missed_in_one_frame_does_not_flash_up(astronaut: Pixels, container: str) -> None:
    """A frame too pale for any detector, between others, is covered where the others are; times and loop stay."""
    photo = np.ascontiguousarray(astronaut[:320, 60:380])
    pale = (photo > 250).astype(np.uint8) + 200  # the light areas alone are a shade lighter
    frames = [Image.fromarray(np.roll(photo, 2 * number, axis=1) if number != 2 else pale) for number in range(5)]
    target = io.BytesIO()
    times = [100, 200, 300, 400, 500]
    frames[0].save(target, container, save_all=True, append_images=frames[1:], duration=times, loop=3, lossless=True)
    alone = io.BytesIO()
    Image.fromarray(pale).save(alone, "PNG")
    pool = Pool(1)
    pool.start()
    try:
        assert not pool.treat(alone.getvalue(), RECIPE, 60, protocol.FIND, owner="test").region_count
        binding = Binding(Output())
        reply = pool.treat(target.getvalue(), RECIPE, 60, owner="test", receiver=binding)
    finally:
        pool.stop()
    covered = [regions.coverage(found, 320, 320) for found in reply.regions]
    assert all(each[60:170, 130:200].mean() > 0.9 for each in covered)
    made, data = binding.result(reply)
    assert made == container
    with opened(data) as image:
        assert image.info["loop"] == 3
        shown = []
        for number in range(5):
            image.seek(number)
            image.load()
            shown.append(image.info["duration"])
    assert shown == times


def test_pages_are_no_neighbours(astronaut: Pixels) -> None:
    """A face on one page of a document hides nothing on the next."""
    pages = [Image.fromarray(astronaut), Image.new("RGB", (512, 512), "white")]
    target = io.BytesIO()
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:])
    pool = Pool(1)
    pool.start()
    try:
        reply = pool.treat(target.getvalue(), RECIPE, 60, protocol.FIND, owner="test")
    finally:
        pool.stop()
    assert [bool(found) for found in reply.regions] == [True, False]

"""Animations: a face found in one frame is hidden in those around it, and each frame keeps its time."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.pictures import opened

from facewarden import protocol, regions
from facewarden.config.profile import Output
from facewarden.delivery.binding import Binding
from facewarden.pool import LocalPool
from facewarden.sandbox.refine import neighbours
from facewarden.sandbox.refine.neighbours import REACH, Noted, Searched
from facewarden.values import Frame, Pixels, Recipe, Region

RECIPE = Recipe({"blazeface": 0.5}, smallest_face=60, style="solid", safety_frame=False)


def searched(*found: list[int]) -> list[Searched]:
    """Frames in which areas of these numbers were found."""
    frame = Frame(np.zeros((4, 4), np.uint8))
    return [Searched(frame, [], [Region(number, 0, 1, 1, 0.5, "blazeface") for number in some]) for some in found]


def carried(found: list[Searched]) -> list[Noted]:
    """What is hidden in each of these frames, which can be gone through again."""
    return neighbours.carried(found, lambda: (one.frame.pixels for one in found))


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
    pool = LocalPool(1)
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
    pool = LocalPool(1)
    pool.start()
    try:
        reply = pool.treat(target.getvalue(), RECIPE, 60, protocol.FIND, owner="test")
    finally:
        pool.stop()
    assert [bool(found) for found in reply.regions] == [True, False]


def rows_of(photo: Pixels, every: int) -> Pixels:
    """Every so many rows of a photo, the rest clear."""
    frame = np.full((*photo.shape[:2], 4), (255, 255, 255, 0), dtype=np.uint8)
    frame[::every] = np.dstack((photo, np.full(photo.shape[:2], 255, dtype=np.uint8)))[::every]
    return frame


def fainter(photo: Pixels, share: float) -> Pixels:
    """A photo drawn in alpha alone, so faintly."""
    grey = np.asarray(Image.fromarray(photo).convert("L"))
    return np.dstack((*[np.full_like(grey, 40)] * 3, (grey * share).astype(np.uint8)))


@pytest.mark.parametrize("container", ["PNG", "WEBP"])
@pytest.mark.parametrize("way", ["rows", "fainter"])
def test_a_person_built_up_over_many_frames_is_hidden_in_all(astronaut: Pixels, container: str, way: str) -> None:
    """Row by row or out of transparency, over more frames than areas reach: not one frame delivers the face."""
    photo = np.ascontiguousarray(astronaut[:320, 60:380])
    if way == "rows":
        frames = [rows_of(photo, every) for every in (16, 14, 12, 10, 8, 6, 4, 2, 1)]
    else:
        frames = [fainter(photo, share) for share in (0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.0)]
    target = io.BytesIO()
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(target, container, save_all=True, append_images=images[1:], duration=100, lossless=True)
    pool = LocalPool(1)
    pool.start()
    try:
        reply = pool.treat(target.getvalue(), RECIPE, 60, owner="test")
    finally:
        pool.stop()
    assert len(reply.regions) == len(frames)
    face = np.s_[90:160, 130:200]
    for found, frame in zip(reply.regions, reply.picture.frames, strict=True):
        hidden = regions.coverage(found, 320, 320)
        assert hidden[face].mean() > 0.9
        assert (
            not frame.pixels[face][..., 3][hidden[face]].any() or np.ptp(frame.pixels[face][..., 3][hidden[face]]) == 0
        )


@pytest.mark.parametrize("name", ["E_alphafaint.png", "build_over.gif"])
def test_animations_that_delivered_a_face_once(trials: Path, astronaut: Pixels, name: str) -> None:
    """In no frame, and in no channel, the face is what it was."""
    pool = LocalPool(1)
    pool.start()
    try:
        recipe = Recipe({"blazeface": None, "centerface": None}, style="solid", safety_frame=False)
        reply = pool.treat((trials / name).read_bytes(), recipe, 60, owner="test")
    finally:
        pool.stop()
    for found in reply.regions:
        assert regions.coverage(found, 512, 512)[90:160, 190:260].mean() > 0.9


def test_a_still_background_carries_no_area(astronaut: Pixels) -> None:
    """A head that has gone from before a background that stays: its place is covered two frames longer, and no more."""
    background = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    with_head = background.copy()
    head = np.asarray(Image.fromarray(astronaut[80:180, 180:280]).resize((80, 100)))
    with_head[50:150, 110:190] = head
    area = regions.grow(Region(115, 55, 70, 90, 0.9, "centerface"), 1.6, "ellipse")
    found = [Searched(Frame(with_head), [], [area])] + [Searched(Frame(background.copy()), [], []) for _ in range(9)]
    covered = [bool(one.areas) for one in carried(found)]
    assert covered == [True] * (1 + REACH) + [False] * (9 - REACH)


def test_what_a_face_has_left_is_not_covered_for_ever(astronaut: Pixels) -> None:
    """A face that moves on over a still background: where it was before, other frames are not covered beyond two."""
    background = np.random.default_rng(0).integers(0, 256, (100, 640, 3), dtype=np.uint8)
    face = np.ascontiguousarray(astronaut[80:180, 180:280])
    found = []
    for number in range(6):
        frame = background.copy()
        frame[:, 100 * number : 100 * number + 100] = face
        area = Region(100 * number + 10, 10, 80, 80, 0.9, "centerface")
        found.append(Searched(Frame(frame), [], [area]))
    for number, one in enumerate(carried(found)):
        places = sorted(area.x // 100 for area in one.areas)
        assert places == list(range(max(number - REACH, 0), min(number + REACH, 5) + 1))

"""What holds for every style: the outside untouched, any frame and any areas; and what `blind` promises."""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.test_regions import near, region

from facewarden import regions
from facewarden.sandbox import proof, redact
from facewarden.values import OPAQUE, STYLES, Pixels, Region, Style

BLIND: list[Style] = [style for style, way in redact.STYLES.items() if way.blind]

hide = functools.partial(redact.redact, emblem=proof.EMBLEM)

Scene = tuple[Pixels, list[Region]]


@st.composite
def scenes(draw: st.DrawFn, sides: st.SearchStrategy[int]) -> Scene:
    """A random frame, grey, RGB or RGBA, with up to eight areas in and around it."""
    height, width = draw(sides), draw(sides)
    shape = draw(st.sampled_from([(height, width), (height, width, 3), (height, width, 4)]))
    pixels = np.random.default_rng(draw(st.integers(0, 2**32))).integers(0, 256, shape, dtype=np.uint8)
    return pixels, draw(st.lists(near(height, width), max_size=8))


SMALL = scenes(st.one_of(st.integers(1, 4), st.integers(1, 120)))
LARGE = scenes(st.sampled_from([1, 700, 3000, 4000]))
any_style = pytest.mark.parametrize("style", STYLES)
blind_style = pytest.mark.parametrize("style", BLIND)


def require_sound_result(scene: Scene, style: Style, safety_frame: bool) -> None:
    """The contract of every style."""
    frame, areas = scene
    before = frame.copy()
    result = hide(frame, areas, style, safety_frame)
    assert (frame == before).all(), "the frame given was changed"
    assert (result.shape, result.dtype) == (frame.shape, frame.dtype)
    assert not np.shares_memory(result, frame)
    height, width = frame.shape[:2]
    outside = ~redact.drawn(areas, height, width, style, safety_frame=safety_frame)
    assert (result[outside] == frame[outside]).all(), "a pixel outside the drawn area was changed"
    if frame.ndim == 3:
        inside = regions.coverage(areas, height, width)
        assert (result[~inside, 3:] == frame[~inside, 3:]).all(), "alpha was changed outside the areas"
        assert (result[inside, 3:] == OPAQUE).all(), "alpha tells of the inside"


def test_each_style_of_a_recipe_is_in_the_table() -> None:
    """What a configuration may name can be drawn, and nothing else can."""
    assert tuple(redact.STYLES) == STYLES


@any_style
@given(scene=SMALL, safety_frame=st.booleans())
def test_only_the_drawn_area_changes(style: Style, scene: Scene, safety_frame: bool) -> None:
    """Outside, colours, alpha and size stay as they are, whatever the frame and the areas; inside alpha is one constant."""
    require_sound_result(scene, style, safety_frame)


@any_style
@settings(max_examples=5)
@given(scene=LARGE, safety_frame=st.booleans())
def test_only_the_drawn_area_changes_in_large_frames(style: Style, scene: Scene, safety_frame: bool) -> None:
    """The same up to 4,000 pixels a side."""
    require_sound_result(scene, style, safety_frame)


@any_style
@given(scene=SMALL, order=st.randoms())
def test_the_order_of_the_areas_makes_no_difference(style: Style, scene: Scene, order: object) -> None:
    """Detectors may answer in any order."""
    frame, areas = scene
    mixed = list(areas)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert (hide(frame, mixed, style, True) == hide(frame, areas, style, True)).all()


@blind_style
@given(scene=SMALL, seed=st.integers(0, 2**32), safety_frame=st.booleans())
def test_no_pixel_of_the_inside_has_an_influence(style: Style, scene: Scene, seed: int, safety_frame: bool) -> None:
    """Two frames that differ inside the areas only become the same frame, and the same PNG file."""
    frame, areas = scene
    other = proof.other_inside(np.random.default_rng(seed), frame, regions.coverage(areas, *frame.shape[:2]))
    result, same = (hide(given, areas, style, safety_frame) for given in (frame, other))
    assert result.tobytes() == same.tobytes()
    assert png(result) == png(same)


@blind_style
def test_no_pixel_of_the_inside_has_an_influence_in_a_large_photo(style: Style) -> None:
    """The same where areas are scaled down, read in samples and painted in strips."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    areas = [region(-100, 200, 900, 1200, "ellipse"), region(600, 300, 1300, 1100), region(1900, 10, 50, 60, "ellipse")]
    other = proof.other_inside(rng, frame, regions.coverage(areas, 1500, 2000))
    assert hide(frame, areas, style, True).tobytes() == hide(other, areas, style, True).tobytes()


def test_a_blind_style_is_given_no_inside_to_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that forgot to draw would show black, not the face."""
    lazy = redact.Way(lambda *_: None, blind=True, reach=lambda _: 0.0)
    monkeypatch.setitem(redact.STYLES, "solid", lazy)
    areas = [region(10, 10, 30, 40, "ellipse"), region(30, 20, 99, 9)]
    result = hide(np.full((80, 60, 4), 200, dtype=np.uint8), areas, "solid", safety_frame=False)
    covered = regions.coverage(areas, 80, 60)
    assert (result[covered] == (0, 0, 0, OPAQUE)).all()
    assert (result[~covered] == 200).all()


@any_style
def test_the_colour_of_a_transparent_pixel_is_hidden_too(style: Style) -> None:
    """A reader that ignores alpha must not find the face."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (60, 60, 4), dtype=np.uint8)
    frame[..., 3] = 0
    area = region(10, 10, 40, 40, "ellipse")
    result = hide(frame, [area], style, safety_frame=False)
    covered = regions.coverage([area], 60, 60)
    assert (result[~covered, 3] == 0).all()
    assert (result[covered, 3] == OPAQUE).all()
    assert (result[covered][:, :3] != frame[covered][:, :3]).mean() > 0.9


@any_style
@pytest.mark.parametrize("channels", [None, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_the_smallest_frames_can_be_hidden_whole(style: Style, channels: int | None, size: tuple[int, int]) -> None:
    """Also where there is no pixel outside."""
    shape = size if channels is None else (*size, channels)
    frame = np.full(shape, 200, dtype=np.uint8)
    for area in (region(-1e4, -1e4, 2e4, 2e4, "ellipse"), region(0.4, 0.4, 0.1, 0.1)):
        assert hide(frame, [area], style, safety_frame=True).shape == shape


@any_style
def test_a_face_of_fifty_megapixels_is_hidden(style: Style) -> None:
    """Full size, without a kernel or a copy that grows with it."""
    frame = np.zeros((6000, 8000), dtype=np.uint8)
    frame[::2, ::2] = 255
    plain = np.full((31, 41), 90, dtype=np.uint8)
    result = hide(frame, [region(-100, -100, 8200, 6200)], style, safety_frame=False, emblem=plain)
    assert np.ptp(result[1000:5000, 1000:7000]) < 3


@any_style
def test_five_hundred_faces_are_hidden(style: Style) -> None:
    """A crowd, in which areas touch, overlap and stand alone."""
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 256, (800, 1200, 3), dtype=np.uint8)
    areas = [region(x, y, 24, 30, "ellipse") for x, y in rng.uniform(-20, 1200, (500, 2)).tolist()]
    require_sound_result((frame, areas), style, safety_frame=True)


@any_style
@pytest.mark.parametrize("areas", [[], [region(-50, 0, 50, 50)], [region(0, 40, 9, 9, "ellipse")]])
def test_without_an_area_in_the_frame_nothing_is_drawn(style: Style, areas: Sequence[Region]) -> None:
    """A region just beside the frame does not fade into it."""
    frame = np.full((40, 40, 3), 7, dtype=np.uint8)
    assert (hide(frame, areas, style, safety_frame=True) == frame).all()


@any_style
def test_a_view_of_another_array_is_taken_as_it_is(style: Style) -> None:
    """Upright turns and cuts are views with odd strides."""
    frame = np.random.default_rng(2).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    areas = [region(10, 10, 20, 25, "ellipse")]
    turned = frame.swapaxes(0, 1)[::-1]
    assert (hide(turned, areas, style, True) == hide(turned.copy(), areas, style, True)).all()


def test_an_unknown_style_is_refused_by_name() -> None:
    """A style that is not known must not leave the face as it is."""
    frame = np.zeros((9, 9, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"'sparkles'.*veil"):
        hide(frame, [], "sparkles", False)  # type: ignore[arg-type]


@any_style
def test_an_unsound_area_is_refused(style: Style) -> None:
    """A NaN must not skip an area."""
    frame = np.zeros((9, 9, 3), dtype=np.uint8)
    for x, y, width, height in itertools.permutations([float("nan"), 1.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="must be a number"):
            hide(frame, [region(x, y, width, height)], style, safety_frame=False)


def png(frame: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()

"""A face that only transparency shows is hidden as any other, in all channels, and transparency elsewhere stays."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facewarden import regions
from facewarden.pool import Pool
from facewarden.replies import Reply
from facewarden.sandbox.refine import transparency
from facewarden.values import OPAQUE, Pixels, Recipe

RECIPE = Recipe(thresholds={"blazeface": 0.3}, smallest_face=60)


def grey(astronaut: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(astronaut).convert("L"))


def treated(pool: Pool, pixels: Pixels) -> Reply:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return pool.treat(buffer.getvalue(), RECIPE, 60)


def face_shows(frame: Pixels, before: Pixels) -> bool:
    """Whether the portrait's face is still seen: as much detail where it was as there is in the original."""
    face = np.s_[90:160, 190:260]
    detail = [np.abs(np.diff(grey(one)[face].astype(int))).mean() for one in (frame, before)]
    return bool(detail[0] > detail[1] / 4)


@pytest.mark.parametrize("colour", [0, 90, 200, 255])
@pytest.mark.parametrize("negative", [False, True])
def test_a_face_drawn_in_alpha_alone_is_hidden(pool: Pool, astronaut: Pixels, colour: int, negative: bool) -> None:
    """One colour everywhere and the portrait in alpha: no ground on which a viewer lays the result shows the face."""
    drawn = np.full((512, 512, 4), colour, dtype=np.uint8)
    drawn[..., 3] = 255 - grey(astronaut) if negative else grey(astronaut)
    (frame,) = treated(pool, drawn).picture.frames
    for before, after in zip(transparency.views(drawn), transparency.views(frame.pixels), strict=True):
        if np.ptp(before) > 100:
            assert face_shows(before, before)
            assert not face_shows(after, before)


def test_a_face_in_colour_and_in_alpha_is_hidden_in_both(pool: Pool, astronaut: Pixels) -> None:
    """The same face in both, at the same place: hiding its colours would leave the other."""
    both = np.dstack((astronaut, grey(astronaut)))
    (frame,) = treated(pool, both).picture.frames
    for before, after in zip(transparency.views(both), transparency.views(frame.pixels), strict=True):
        assert not face_shows(after, before)


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_clear_corner_does_not_hide_a_faint_face(pool: Pool, astronaut: Pixels, colour: int) -> None:
    """Seven levels of alpha draw the face, and the whole range is taken up by a corner that is clear."""
    drawn = np.full((512, 512, 4), colour, dtype=np.uint8)
    drawn[..., 3] = 255 - 7 * grey(astronaut).astype(int) // 255
    drawn[:60, :60, 3] = 0
    reply = treated(pool, drawn)
    assert regions.coverage(reply.regions[0], 512, 512)[90:160, 190:260].mean() > 0.9


@pytest.mark.parametrize("way", ["every second pixel", "dithered"])
def test_a_face_in_a_pattern_of_alpha_is_found_as_it_would_be_in_grey(pool: Pool, astronaut: Pixels, way: str) -> None:
    """Areas that other views see in such a pattern do not stand in its way."""
    rows, columns = np.indices((512, 512))
    pattern = np.random.default_rng(0).random((512, 512)) * 255 < grey(astronaut)
    drawn = np.zeros((512, 512, 4), dtype=np.uint8)
    drawn[..., 3] = np.where((rows + columns) % 2, grey(astronaut), 0) if way == "every second pixel" else pattern * 255
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG")
    reply = pool.treat(buffer.getvalue(), Recipe({"blazeface": None, "centerface": None}), 60)
    assert regions.coverage(reply.regions[0], 512, 512)[90:160, 190:260].mean() > 0.9


@pytest.mark.parametrize("levels", [1, 7, 60, 255])
def test_alpha_within_a_hidden_area_tells_nothing(pool: Pool, astronaut: Pixels, levels: int) -> None:
    """However little alpha follows the face, where the face is hidden alpha is one constant."""
    follows = (255 - levels + levels * grey(astronaut).astype(int) // 255).astype(np.uint8)
    reply = treated(pool, np.dstack((astronaut, follows)))
    after = reply.picture.frames[0].pixels[..., 3]
    hidden = regions.coverage(reply.regions[0], 512, 512)
    assert hidden[90:160, 190:260].mean() > 0.9
    assert (after[hidden] == OPAQUE).all()
    assert (after[~hidden] == follows[~hidden]).all()


def test_a_face_seen_on_black_alone_is_hidden(pool: Pool, astronaut: Pixels) -> None:
    """A grey picture that fades on white and is a portrait on black."""
    soft = (60 + grey(astronaut).astype(int) * 180 // 255).astype(np.uint8)
    drawn = np.dstack((soft, soft, soft, grey(astronaut)))
    reply = treated(pool, drawn)
    assert reply.region_count
    for before, after in zip(
        transparency.views(drawn), transparency.views(reply.picture.frames[0].pixels), strict=True
    ):
        assert not face_shows(after, before)


def test_transparency_that_shows_no_face_stays(pool: Pool, astronaut: Pixels) -> None:
    """Clear corners and a clear ground below are no reason to give up transparency outside the hidden areas."""
    frame = np.dstack((astronaut, np.full((512, 512), 255, dtype=np.uint8)))
    frame[:60, :60, 3] = 0
    frame[400:, :, 3] = np.linspace(255, 0, 112).astype(np.uint8)[:, None]
    reply = treated(pool, frame)
    assert reply.region_count
    outside = ~regions.coverage(reply.regions[0], 512, 512)
    assert (reply.picture.frames[0].pixels[..., 3] == frame[..., 3])[outside].all()
    assert outside[:60, :60].all()


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 300))
def test_a_view_is_what_alpha_means(colour: int, level: int, height: int) -> None:
    """Each pixel is the colour and the ground in the shares that alpha gives, to the nearest level."""
    frame = np.full((height, 2, 4), (colour, colour, colour, level), dtype=np.uint8)
    frame[0, 0, 3] = (level + 100) % 256  # where alpha does not vary there is nothing to see
    white, black, alone, negative = transparency.views(frame)
    alpha = frame[..., 3:].astype(int)
    assert np.abs(white - (colour * alpha + 255 * (255 - alpha)) / 255).max() <= 0.51
    assert np.abs(black - colour * alpha / 255).max() <= 0.51
    assert set(np.unique(alone)) == {0, 255}
    assert (negative == 255 - alone).all()


def test_only_alpha_that_varies_can_show_anything() -> None:
    """Frames without alpha, or with the same everywhere, are not searched again."""
    plain = np.zeros((9, 9, 4), dtype=np.uint8)
    assert not any(map(transparency.varies, (plain, plain[..., 0], plain[..., :3])))
    plain[3, 3, 3] = 200
    assert transparency.varies(plain)
    assert len(list(transparency.views(plain))) == 4

"""The second look: what is surely a face in a redacted photo is covered, and what stays one is not delivered."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facewarden import regions
from facewarden.errors import FACE_REMAINS, FileRefused
from facewarden.pool import Pool
from facewarden.sandbox.bench import Bench
from facewarden.sandbox.detect import Search
from facewarden.sandbox.detect.plans import Plan
from facewarden.sandbox.detect.tiling import Look
from facewarden.sandbox.refine import second_look
from facewarden.sandbox.refine.neighbours import Searched
from facewarden.values import Frame, Pixels, Recipe, Region

FACE = Region(170, 62, 108, 118, 1.0, "centerface")
"""Where the astronaut's face is, in the 512 x 512 portrait."""


def photo(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_face_that_the_search_left_is_covered_flatly(pool: Pool, astronaut: Pixels) -> None:
    """With a threshold that nothing reaches the search finds no face; the second look does, and it is counted."""
    recipe = Recipe({"centerface": 1.0}, smallest_face=40, safety_frame=False)
    reply = pool.treat(photo(astronaut), recipe, 120)
    assert reply.second_look == reply.region_count >= 1
    result = reply.picture.frames[0].pixels
    covered = regions.coverage([FACE], 512, 512)
    assert (result[covered] == 128).all(axis=1).mean() > 0.9


def test_an_emblem_that_is_a_face_is_left_alone(pool: Pool, astronaut: Pixels) -> None:
    """A smiling emblem is drawn after the second look, which would cover it as somebody's face."""
    emblem = photo(astronaut[40:200, 150:310])
    recipe = Recipe({"centerface": 0.3}, smallest_face=40, style="image", shape="rectangle", emblem=emblem)
    reply = pool.treat(photo(astronaut), recipe, 120)
    assert (reply.region_count, reply.second_look) == (1, 0)


class Everywhere:
    """A detector that sees a face somewhere else each time."""

    def __init__(self) -> None:
        self._asked = 0

    def looks(self, width: int, height: int, smallest_face: int, plan: Plan) -> list[Look]:
        return [Look(0, 0, width, height)]

    def find(self, pixels: Pixels) -> list[Region]:
        self._asked += 1
        return [Region(61.0 * self._asked % 480, 20, 10, 10, 1.0, "yunet")]

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def deluded(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose only detector is Everywhere."""
    monkeypatch.setattr("facewarden.sandbox.detect.load", lambda yunet: Search({"yunet": Everywhere()}))
    return Bench()


def test_what_never_ends_to_look_like_a_face_is_refused(deluded: Bench, astronaut: Pixels) -> None:
    """After a few rounds the photo counts as one in which a face remains: it is not delivered."""
    with pytest.raises(FileRefused) as refusal:
        deluded._look_again(astronaut.copy(), Searched(Frame(astronaut), [], []), Recipe({"yunet": None}))
    assert refusal.value.reason is FACE_REMAINS


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (Region(60, 60, 20, 20, 1, "yunet"), False),  # inside
        (Region(88, 60, 20, 20, 1, "yunet"), False),  # more than half of it
        (Region(92, 60, 20, 20, 1, "yunet"), True),  # its smaller part
        (Region(10, 10, 20, 20, 1, "yunet"), True),  # elsewhere
        (Region(20, 20, 160, 160, 1, "yunet"), False),  # round the hidden area, in whose middle it lies
    ],
)
def test_what_is_hidden_is_no_finding(found: Region, left: bool) -> None:
    """A region whose middle or half is hidden is a hidden area's soft edge; any other is a face that remains."""
    hidden = np.zeros((200, 200), dtype=np.bool_)
    hidden[50:100, 50:100] = True
    hidden[90:110, 90:110] |= found.width == 160
    assert bool(second_look.remaining([found], hidden)) == left


def cases(make: Callable[..., Region]) -> st.SearchStrategy[Region]:
    place, size = st.floats(-300, 300), st.floats(0.1, 400)
    return st.builds(make, place, place, size, size, st.just(1.0), st.just("yunet"))


@given(cases(Region))
def test_a_clear_frame_hides_nothing_and_a_hidden_one_everything(found: Region) -> None:
    """Where nothing is hidden each region that meets the frame remains; where all is hidden none does."""
    meets = len(regions.spans(found, 120, 90).starts) > 0
    assert bool(second_look.remaining([found], np.zeros((120, 90), dtype=np.bool_))) == meets
    assert not second_look.remaining([found], np.ones((120, 90), dtype=np.bool_))

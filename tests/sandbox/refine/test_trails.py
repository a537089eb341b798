"""Areas carried while frames go by one at a time: in each frame the very areas that the former way found, which held all frames."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.sandbox.refine import former
from tests.sandbox.refine.test_neighbours import carried, fainter, rows_of

from facewarden.sandbox import bench, decode, wire
from facewarden.sandbox.refine import neighbours, trails
from facewarden.sandbox.refine.neighbours import Searched
from facewarden.values import Frame, Limits, Pixels, Recipe, Region, Zone

SIDE = 24
TEXTURES = [np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 4), dtype=np.uint8) for number in range(3)]
PLAIN = np.full((SIDE, SIDE, 4), 128, np.uint8)
RECIPE = Recipe({"blazeface": 0.5}, smallest_face=60, style="solid", safety_frame=False)


def shown(texture: int, share: int, channels: int) -> Pixels:
    """Every so many rows of a texture, the rest plain; 0 shows none of it."""
    frame = PLAIN.copy()
    if share:
        frame[::share] = TEXTURES[texture][::share]
    return np.ascontiguousarray(frame[..., :channels].squeeze() if channels == 1 else frame[..., :channels])


def area(x: int, y: int, side: int) -> Region:
    return Region(x, y, side, side, 0.5, "blazeface", "ellipse")


PLACES = st.builds(area, st.integers(-4, SIDE), st.integers(-4, SIDE), st.integers(1, SIDE))
FRAMES = st.tuples(
    st.sampled_from([0, 0, 0, 1, 2]),
    st.sampled_from([1, 1, 2, 6, 0]),
    st.one_of(st.just([]), st.just([]), st.lists(PLACES, max_size=3)),
)


@given(st.lists(FRAMES, min_size=1, max_size=24), st.sampled_from([1, 3, 4]))
@settings(max_examples=400)
def test_each_frame_has_the_areas_it_had(drawn: list[tuple[int, int, list[Region]]], channels: int) -> None:
    """Whatever is found where, and whatever goes on to show: the same areas in the same order."""
    found = [Searched(Frame(shown(texture, share, channels)), [], areas) for texture, share, areas in drawn]
    passes = iter([found])
    now = neighbours.carried(found, lambda: (one.frame.pixels for one in next(passes)))
    assert [one.areas for one in now] == [one.areas for one in former.carried(found)]


@pytest.mark.parametrize("before", [3, trails.BEHIND, trails.BEHIND + 1, 40])
def test_what_is_found_late_is_hidden_from_the_first_frame_that_shows_it(before: int) -> None:
    """Also in frames that are not held any more; and where one in between shows nothing, in none before that."""
    for gap in (0, before // 2, before - 1):
        frames = [Frame(shown(0, 0 if number == gap else 2, 3)) for number in range(before)]
        found = [*(Searched(frame, [], []) for frame in frames), Searched(Frame(shown(0, 1, 3)), [], [area(0, 0, 22)])]
        now = carried(found)
        assert [bool(one.areas) for one in now] == [
            number > gap or number >= before - 2 for number in range(before + 1)
        ]


def test_what_was_found_before_a_gap_is_not_carried_beyond_it() -> None:
    """A face that is found, missed in more frames than are held and found again: the later area ends behind the earlier one."""
    first, last = area(0, 0, 22), area(1, 1, 21)
    frame = Frame(shown(0, 1, 3))
    found = [Searched(frame, [], areas) for areas in ([first], *[[]] * (2 * trails.BEHIND), [last])]
    now = [one.areas for one in carried(found)]
    assert now == [one.areas for one in former.carried(found)]
    assert now[0] == [first]
    assert all(set(areas) == {first, last} for areas in now[1:-1])
    assert now[-1] == [last]


def test_frames_are_asked_for_again_only_where_that_is_needed() -> None:
    """Not where a face is found in each frame, or not shown before it is found: then nothing is decoded once more."""

    def never() -> Iterator[Pixels]:
        raise AssertionError

    steady = [Searched(Frame(shown(0, 1, 3)), [], [area(0, 0, 22)]) for _ in range(30)]
    sudden = [Searched(Frame(shown(1, 1, 3)), [], []) for _ in range(30)]
    for found in (steady, sudden + steady, steady + sudden):
        assert len(neighbours.carried(found, never)) == len(found)


def test_few_frames_are_held() -> None:
    """Those that have gone by are let go: of 60 frames in each of which a face is found there are never more than the window's."""
    alive: set[int] = set()

    class Counted(np.ndarray):
        def __del__(self) -> None:
            alive.discard(id(self))

    def come() -> Iterator[Searched]:
        for number in range(60):
            pixels = shown(number % 3, 1, 3).view(Counted)
            alive.add(id(pixels))
            assert len(alive) <= trails.BEHIND + 2
            one = Searched(Frame(pixels), [], [area(number % 9, 0, 12)])
            del pixels
            yield one
            del one

    neighbours.carried(come(), lambda: iter(()))


@dataclasses.dataclass(frozen=True)
class Sent:
    """A frame as it goes to the trusted side."""

    pixels: bytes
    duration: int
    regions: list[Region]
    second_look: int


@pytest.fixture(scope="module")
def loaded() -> bench.Bench:
    return bench.Bench()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """What a bench sends, in place of a pipe."""
    frames: list[Sent] = []

    def write(frame: Frame, regions: list[Region], second_look: int, *, with_pixels: bool) -> None:
        assert with_pixels
        frames.append(Sent(frame.pixels.tobytes(), frame.duration, list(regions), second_look))

    monkeypatch.setattr(wire, "write_picture", lambda picture: None)
    monkeypatch.setattr(wire, "write_frame", write)
    monkeypatch.setattr(wire, "write_done", lambda **seconds: None)
    return frames


def appearing(photo: Pixels) -> list[Pixels]:
    """A face comes and goes between plain frames, once too pale to be found."""
    plain, pale = np.full_like(photo, 90), (photo // 16 + 200).astype(np.uint8)
    return [plain, plain, photo, photo, pale, pale, pale, photo, plain, plain, plain, photo, plain]


def moving(photo: Pixels) -> list[Pixels]:
    return [np.roll(photo, 22 * number, axis=1) for number in range(9)]


def built_up(photo: Pixels) -> list[Pixels]:
    """Row by row, over more frames than are held, and away again."""
    return [rows_of(photo, every) for every in (16, 14, 12, 11, 10, 9, 8, 7, 6, 4, 2, 1, 6, 12, 16)]


def fading(photo: Pixels) -> list[Pixels]:
    return [fainter(photo, share) for share in (0.03, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 0.5, 0.1)]


@pytest.mark.parametrize("container", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("scene", [appearing, moving, built_up, fading])
def test_animations_come_out_as_they_did(
    loaded: bench.Bench, sent: list[Sent], astronaut: Pixels, container: str, scene: Callable[[Pixels], list[Pixels]]
) -> None:
    """Decoded, searched and redacted for real: every pixel, time and area is that of the former way."""
    images = [Image.fromarray(frame) for frame in scene(np.ascontiguousarray(astronaut[:320, 60:380]))]
    target = io.BytesIO()
    times = [10 * number for number in range(2, 2 + len(images))]
    options = {"lossless": True} if container == "WEBP" else {"disposal": 2} if container == "GIF" else {}
    images[0].save(target, container, save_all=True, append_images=images[1:], duration=times, **options)
    zone = Zone("rectangle", (((0, False), (0, False)), ((30, False), (20, False))))
    request = wire.Request(dataclasses.replace(RECIPE, always=(zone,)), target.getvalue(), with_pixels=True)
    loaded.treat(request)
    now = sent.copy()
    sent.clear()
    watch = bench._Stopwatch()
    whole = decode.decode(request.original, Limits())
    held = list(loaded._searched(iter(whole.frames), request.recipe, watch))
    for one in former.carried(held):
        loaded._answer(one, request, None, watch)
    assert now == sent
    # GIF has no faint alpha.
    assert (container == "GIF" and scene is fading) or any(len(frame.regions) > 1 for frame in now)

"""Zones that the operator named: hidden always, or left alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from tests.daemon import Daemon, pixels_of

from facewarden.config.zones import ZoneSetting
from facewarden.errors import ZONE_OUTSIDE, FileRefused
from facewarden.sandbox.refine import zones
from facewarden.values import OPAQUE, Pixels, Recipe, Region, Zone


def zone(text: str) -> Zone:
    return ZoneSetting.model_validate(yaml.safe_load(text)).zone()


@pytest.mark.parametrize(
    ("text", "inside", "beyond"),
    [
        ("rectangle: [0, 90%, 100%, 10%]", [(0, 95), (199, 99)], [(0, 80)]),
        ("rectangle: [10, 20, 30, 40]", [(10, 20), (39, 59)], [(45, 30), (10, 65)]),
        ("ellipse: [50%, 50%, 20%, 20%]", [(120, 60)], [(101, 51), (150, 60)]),
        ("polygon: [[0, 0], [50%, 0], [0, 50%]]", [(2, 2), (40, 20)], [(90, 45), (150, 10)]),
    ],
)
def test_a_zone_covers_what_it_names(text: str, inside: list[tuple[int, int]], beyond: list[tuple[int, int]]) -> None:
    """Points inside a zone are covered flatly, points away from it stay as they were."""
    frame = np.arange(100 * 200 * 3, dtype=np.uint8).reshape(100, 200, 3)
    covered, (region,) = zones.cover(frame, [zone(text)])
    for x, y in inside:
        assert (covered[y, x] == zones.COLOUR).all()
        assert region.x <= x < region.x + region.width
        assert region.y <= y < region.y + region.height
    for x, y in beyond:
        assert (covered[y, x] == frame[y, x]).all()


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), min_size=3, max_size=6))
def test_every_corner_of_a_polygon_is_covered(corners: list[tuple[float, float]]) -> None:
    """Rounding leaves no pixel of a polygon's corners open, as far as they lie in the photo."""
    polygon = Zone("polygon", tuple(((x, False), (y, False)) for x, y in corners))
    covered = zones.coverage(polygon, 200, 200)
    for x, y in corners:
        if x < 200 and y < 200:
            assert covered[int(y), int(x)]


def test_what_is_drawn_in_alpha_under_a_zone_is_covered_too() -> None:
    """Alpha in a zone becomes one constant, and stays as it is elsewhere."""
    frame = np.full((100, 100, 4), 200, dtype=np.uint8)
    frame[::2, :, 3] = 0
    covered, _ = zones.cover(frame, [zone("rectangle: [0, 0, 100%, 50%]")])
    assert (covered[:50, :, 3] == OPAQUE).all()
    assert (covered[50:, :, 3] == frame[50:, :, 3]).all()


def test_a_zone_outside_the_photo_is_refused() -> None:
    """A zone in pixels that does not touch a photo was not meant for it: the photo is not delivered."""
    with pytest.raises(FileRefused) as refusal:
        zones.cover(np.zeros((50, 50), np.uint8), [zone("rectangle: [100, 100, 10, 10]")])
    assert refusal.value.reason is ZONE_OUTSIDE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("circle: [1, 2, 3, 4]", "Extra inputs"),
        ("rectangle: [0, 0, 120%, 10%]", "outside the photo"),
        ("rectangle: [50%, 0, 60%, 10%]", "reaches outside"),
        ("rectangle: [0, 0, 0, 10]", "above 0"),
        ("rectangle: [-5, 0, 10, 10]", "outside every photo"),
        ("rectangle: [0, 0, wide, 10]", "per cent as in"),
        ("polygon: [[0, 0], [1, 1]]", "at least 3"),
        ("{rectangle: [0, 0, 1, 1], ellipse: [0, 0, 1, 1]}", "write one of"),
    ],
)
def test_a_zone_that_makes_no_sense_is_told(text: str, told: str) -> None:
    """Unknown shapes and places outside the photo are told in words when the configuration is read."""
    with pytest.raises(ValidationError, match=told):
        zone(text)


def test_a_face_wholly_inside_a_never_zone_is_left_alone() -> None:
    """In doubt a face is hidden: one that looks out of the zone stays found."""
    inside = Region(20, 20, 30, 30, 0.9, "centerface")
    crossing = Region(60, 20, 30, 30, 0.9, "centerface")
    assert zones.outside([inside, crossing], [zone("rectangle: [0, 0, 80, 80]")], 200, 200) == [crossing]


def test_zones_survive_the_way_to_a_worker() -> None:
    """A recipe with zones is the same after its journey as JSON."""
    given_zones = zone("rectangle: [0, 90%, 100%, 10%]"), zone("polygon: [[0, 0], [9, 0], [0, 9]]")
    recipe = Recipe(thresholds={"blazeface": 0.3}, always=given_zones, never=given_zones[:1])
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_zone_is_hidden_in_the_result(daemon: Daemon, astronaut: Pixels, tmp_path: Path) -> None:
    """What lies in an `always` zone is in no result, face or not; a face in a `never` zone stays."""
    always = [{"rectangle": ["60%", "80%", "40%", "20%"]}]
    never = [{"ellipse": [0, 0, "100%", "60%"]}, {"rectangle": [0, 0, 512, 400]}]
    daemon.configure(zones={"always": always, "never": never})
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "PNG")
    daemon.drop("someone.png", buffer.getvalue())
    assert daemon.once() == 0
    result = pixels_of(daemon.outbox / "someone.png")
    assert (result[412:, 310:] == zones.COLOUR).all()
    assert np.array_equal(result[90:160, 180:260], astronaut[90:160, 180:260])

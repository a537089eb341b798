"""The search finds real faces, in every kind of frame, and costs what the plan says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from facewarden.sandbox import detect
from facewarden.sandbox.detect import Search
from facewarden.sandbox.detect.joining import overlap
from facewarden.sandbox.detect.plans import BESIDE_YUNET, FLOORS, PLANS, budget, convincing
from facewarden.values import DetectorName, Pixels, PlanName, Region

FACE = Region(170, 62, 108, 118, 1.0, "centerface")
"""Where the astronaut's face is, in the 512 x 512 portrait."""


@pytest.fixture(scope="module")
def search() -> Iterator[Search]:
    """All detectors, loaded once: they are the same for every test."""
    loaded = detect.load()
    yield loaded
    loaded.close()


def finds(regions: list[Region], face: Region = FACE) -> bool:
    """Whether one of the regions is on the face."""
    return any(overlap(region, face) > 0.4 for region in regions)


@pytest.mark.parametrize("name", detect.DETECTORS)
def test_each_detector_alone_finds_a_face(search: Search, astronaut: Pixels, name: DetectorName) -> None:
    """A detector that is asked alone finds a plain portrait's face and says that it was it."""
    regions = search(astronaut, 60, {name: 0.3})
    assert finds(regions)
    assert {region.detector for region in regions} == {name}


@pytest.mark.parametrize("plan", PLANS)
def test_each_plan_finds_one_face_in_a_portrait(search: Search, astronaut: Pixels, plan: PlanName) -> None:
    """The surest region is the face, as a plain rectangle that is not yet grown."""
    surest = search(astronaut, 60, plan=plan)[0]
    assert overlap(surest, FACE) > 0.4
    assert surest.shape == "rectangle"


def test_the_same_frame_gives_the_same_regions(search: Search, astronaut: Pixels) -> None:
    """A photo is redacted alike each time, whatever was searched in between."""
    first = search(astronaut, 60)
    search(np.zeros((33, 470, 3), np.uint8), 60)
    assert search(astronaut, 60) == first


@pytest.mark.parametrize("kind", ["grey", "transparent", "view", "read-only"])
def test_every_kind_of_frame_is_searched(search: Search, astronaut: Pixels, kind: str) -> None:
    """Grey, RGBA (with the face under full transparency), views and read-only frames are searched like RGB."""
    frames = {
        "grey": cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY),
        "transparent": np.dstack([astronaut, np.zeros(astronaut.shape[:2], np.uint8)]),
        "view": np.repeat(astronaut, 2, axis=0)[::2],
        "read-only": astronaut,
    }
    assert finds(search(np.asarray(frames[kind], np.uint8), 60))


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 900, 4), (900, 2, 3), (31, 33)])
def test_a_frame_too_small_for_a_face_is_no_error(search: Search, shape: tuple[int, ...]) -> None:
    """The least frames, and the narrowest, are searched without a fault."""
    assert search(np.full(shape, 200, np.uint8), 20) == []


def test_every_answer_has_an_area(search: Search) -> None:
    """In two by two pixels of these colours Full Range sees a face without width or height: it covers a pixel all the same."""
    colours = [[[192, 184, 35], [167, 86, 127]], [[255, 73, 104], [50, 66, 127]]]
    found = search.detectors["blazeface"].find(np.array(colours, np.uint8))
    assert found
    assert all(region.width >= 1 and region.height >= 1 for region in found)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("megapixels", [0.1, 1, 12, 100])
def test_the_cost_is_bounded_by_the_plan(search: Search, plan: PlanName, megapixels: float) -> None:
    """CenterFace sees at most 1.9 times its budget's pixels (each twice if mirrored), BlazeFace at most 10 windows."""
    height = int((megapixels * 750_000) ** 0.5)
    looks = search.detectors["centerface"].looks(height * 4 // 3, height, 20, PLANS[plan])
    seen = sum(look.width * look.height for look in looks)
    assert seen <= budget(PLANS[plan].pixels, height * 4 // 3, height) * 1.9 * (1 + PLANS[plan].mirrored)
    assert len(search.detectors["blazeface"].looks(height * 4 // 3, height, 20, PLANS[plan])) <= 10


def test_larger_regions_must_be_surer() -> None:
    """A tiny region passes at the threshold, a large one not, and none is asked for more than the ceiling."""
    tiny = Region(0, 0, 10, 10, 0.085, "centerface")
    large = Region(0, 0, 300, 300, 0.08, "centerface")
    whole = Region(0, 0, 1000, 1000, 0.3, "centerface")
    assert convincing(tiny, 0.08, 1e8)
    assert not convincing(large, 0.08, 1e6)
    assert convincing(whole, 0.08, 1e6)
    assert not convincing(whole, 0.4, 1e6)


def test_no_plan_asks_for_less_than_detectors_answer() -> None:
    """A plan's thresholds lie above what detectors are built to answer."""
    for plan in (*PLANS.values(), *BESIDE_YUNET.values()):
        assert all(threshold >= FLOORS[name] for name, threshold in plan.thresholds.items())


def test_loading_leaves_matplotlib_out() -> None:
    """MediaPipe's plotting parts are not loaded: they cost time and start other programs."""
    script = (
        "import sys\n"
        "from facewarden.sandbox import detect\n"
        "search = detect.load(['blazeface'])\n"
        "search.close()\n"
        "assert not {'matplotlib.figure', 'sounddevice', '_sounddevice'} & {name for name in sys.modules if sys.modules[name]}\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)

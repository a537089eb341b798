"""CenterFace's answers are decoded as its paper says, at any input size."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden.sandbox import weights
from facewarden.sandbox.detect.centerface import IMAGE, OUTPUTS, CenterFace, _session, decode
from facewarden.sandbox.detect.graph import mended
from facewarden.sandbox.detect.joining import overlap
from facewarden.values import Pixels


@pytest.fixture(scope="module")
def centerface() -> Iterator[CenterFace]:
    detector = CenterFace(0.3)
    yield detector
    detector.close()


def test_a_peak_is_decoded_by_the_papers_formulas() -> None:
    """A peak in row 3, column 5 with a size of e cells and an offset of a quarter lies where the paper says."""
    heat, size, offset = np.zeros((8, 8), np.float32), np.ones((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.float32)
    heat[3, 5], size[1, 3, 5], offset[:, 3, 5] = 0.5, 2.0, (0.25, -0.25)
    (found,) = decode(heat, size, offset, 0.1)
    assert found.height == pytest.approx(4 * np.e)
    assert found.width == pytest.approx(4 * np.e**2)
    assert found.y + found.height / 2 == pytest.approx((3 + 0.25 + 0.5) * 4)
    assert found.x + found.width / 2 == pytest.approx((5 - 0.25 + 0.5) * 4)
    assert found.score == 0.5


def test_a_slope_is_one_answer_and_what_lies_below_the_threshold_none() -> None:
    """Cells beside a higher one are the same face; cells below the threshold are no face."""
    heat = np.array([[0.1, 0.2, 0.3, 0.2], [0.1, 0.2, 0.3, 0.1]], np.float32)
    heat[0, 2] = 0.4
    nothing = np.zeros((2, 2, 4), np.float32)
    assert [found.score for found in decode(heat, nothing, nothing, 0.1)] == [pytest.approx(0.4)]
    assert decode(heat, nothing, nothing, 0.5) == []


@pytest.mark.parametrize("side", [512, 300, 700, 96, 513])
def test_answers_do_not_depend_on_what_was_asked_before(centerface: CenterFace, astronaut: Pixels, side: int) -> None:
    """A network that has seen other sizes answers like a fresh one."""
    pixels = np.asarray(cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    fresh = CenterFace(0.3)
    (used_answer,), (fresh_answer,) = centerface.find(pixels), fresh.find(pixels)
    fresh.close()
    assert overlap(used_answer, fresh_answer) > 0.999
    assert used_answer.score == pytest.approx(fresh_answer.score, abs=1e-4)


@pytest.mark.parametrize("size", [(256, 512), (96, 32), (320, 320)])
def test_the_mended_graph_answers_as_the_published_one(size: tuple[int, int]) -> None:
    """OpenCV's engine on the file as it is, and ours on the mended one, give the same numbers at every size."""
    published = weights.read("centerface")
    picture = np.random.default_rng(1).integers(0, 256, (1, 3, *size)).astype(np.float32)
    network = cv2.dnn.readNetFromONNX(np.frombuffer(published, np.uint8), cv2.dnn.ENGINE_NEW)
    network.setInput(picture)
    theirs = network.forward((*OUTPUTS, "540"))
    ours = _session(mended(published, IMAGE)).run(OUTPUTS, {IMAGE: picture})
    for one, other in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(one, other, atol=1e-3)


@given(st.binary(max_size=64))
def test_a_graph_that_is_no_model_is_refused_in_plain_terms(model: bytes) -> None:
    """Whatever the bytes are, the mending ends: with bytes, or with the one error it names."""
    try:
        assert isinstance(mended(model, IMAGE), bytes)
    except ValueError as refusal:
        assert str(refusal)  # noqa: PT017 - either ending is right

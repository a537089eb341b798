"""CenterFace's answers are decoded as its paper says, at any input size."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bench.ranges import tensors

from facewarden.sandbox import weights
from facewarden.sandbox.detect.detectors.centerface import IMAGE, OUTPUTS, CenterFace, _session, decode
from facewarden.sandbox.detect.joining import overlap
from facewarden.sandbox.detect.network.folding import folded, taking_folded
from facewarden.sandbox.detect.network.mending import mended
from facewarden.sandbox.detect.network.quantised import quantised
from facewarden.sandbox.detect.network.ranges import RANGES
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
    ours = _session(mended(published, IMAGE, OUTPUTS)).run(OUTPUTS, {IMAGE: picture})
    for one, other in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_folded_picture_gives_the_same_numbers() -> None:
    """The first layer on 12 channels at half the size answers what it answers on the picture itself."""
    model = mended(weights.read("centerface"), IMAGE, OUTPUTS)
    picture = np.random.default_rng(2).integers(0, 256, (96, 160, 3), np.uint8)
    plain = _session(model).run(OUTPUTS, {IMAGE: _first(picture)})
    ours = _session(taking_folded(model, IMAGE)).run(OUTPUTS, {IMAGE: _first(folded(picture))})
    for one, other in zip(ours, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_folding_puts_two_by_two_pixels_side_by_side() -> None:
    """Channels are the upper left pixel, the upper right, the lower left, the lower right."""
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    side_by_side = folded(picture)
    assert side_by_side.shape == (2, 3, 12)
    assert side_by_side[1, 2].tolist() == [*picture[2, 4], *picture[2, 5], *picture[3, 4], *picture[3, 5]]


def test_a_first_layer_of_another_kind_is_not_folded() -> None:
    """What cannot be folded exactly is refused, and not computed wrongly."""
    model = taking_folded(mended(weights.read("centerface"), IMAGE, OUTPUTS), IMAGE)
    with pytest.raises(ValueError, match="another kind"):
        taking_folded(model, IMAGE)


def test_integers_answer_nearly_as_floats_do(centerface: CenterFace, astronaut: Pixels) -> None:
    """On a photo the scores of both agree to a few hundredths, and the surest answers overlap."""
    model = mended(weights.read("centerface"), IMAGE, OUTPUTS)
    heat, size, offset = _session(model).run(OUTPUTS, {IMAGE: _first(astronaut)})
    ours = _session(quantised(model, IMAGE, RANGES)).run(OUTPUTS, {IMAGE: astronaut[None]})
    assert np.abs(ours[0] - heat).mean() < 0.002
    assert np.abs(ours[0] - heat).max() < 0.25
    (exact,) = decode(heat[0, 0], size[0], offset[0], 0.3)
    (found,) = centerface.find(astronaut)
    assert overlap(exact, found) > 0.85
    assert found.score == pytest.approx(exact.score, abs=0.05)


def test_every_inner_tensor_of_a_convolution_has_a_range() -> None:
    """A layer without one would be computed in floats, at twice the cost."""
    assert set(tensors(weights.read("centerface"))) == set(RANGES)


def _first(picture: Pixels) -> npt.NDArray[np.float32]:
    """A picture as networks of floats take it: (1, channels, height, width)."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


@given(st.binary(max_size=64))
def test_a_graph_that_is_no_model_is_refused_in_plain_terms(model: bytes) -> None:
    """Whatever the bytes are, the mending ends: with bytes, or with the one error it names."""
    try:
        assert isinstance(mended(model, IMAGE, OUTPUTS), bytes)
    except ValueError as refusal:
        assert str(refusal)  # noqa: PT017 - either ending is right


@pytest.mark.parametrize("which", range(3))
def test_an_answer_that_is_no_number_is_an_error(which: int) -> None:
    """It would be below any threshold and above none; the photo is refused instead."""
    answers = [np.zeros((4, 4), np.float32), np.zeros((2, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32)]
    assert decode(answers[0], answers[1], answers[2], 0.1) == []
    answers[which][..., 2, 3] = np.nan
    with pytest.raises(FloatingPointError):
        decode(answers[0], answers[1], answers[2], 0.1)

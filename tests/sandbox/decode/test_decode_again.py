"""Animations can be gone through again: each pass gives the same frames, alike in size and channels, and holds none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from facewarden.errors import TRUNCATED, FileRefused
from facewarden.sandbox.decode import Reel, decode, opened
from facewarden.sandbox.decode.picture.colour import canvas, like
from facewarden.values import Frame, Limits, Pixels

LIMITS = Limits()


def animation(container: str, *frames: Image.Image) -> bytes:
    target = io.BytesIO()
    times = [30 + 10 * number for number in range(len(frames))]
    options = {"lossless": True} if container == "WEBP" else {}
    frames[0].save(target, container, save_all=True, append_images=frames[1:], duration=times, loop=2, **options)
    return target.getvalue()


def same(one: Frame, other: Frame) -> bool:
    return one.duration == other.duration and one.dpi == other.dpi and np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("container", ["GIF", "PNG", "WEBP", "AVIF"])
def test_every_pass_gives_the_same_frames(astronaut: Pixels, container: str) -> None:
    """From the first one on, also after a pass that was given up in the middle."""
    photo = Image.fromarray(astronaut[:128, :160])
    data = animation(container, *[photo.rotate(10 * number) for number in range(5)])
    head, reel = opened(data, LIMITS)
    assert isinstance(reel, Reel)
    given_up = iter(reel)
    next(given_up)
    next(given_up)
    first, second = list(reel), list(reel)
    assert len(first) == len(second) == 5
    assert all(same(one, other) for one, other in zip(first, second, strict=True))
    assert all(frame.pixels.flags.writeable and frame.pixels.flags.c_contiguous for frame in first)
    assert [frame.duration for frame in first] == [30, 40, 50, 60, 70]
    assert head.loop == (None if container == "AVIF" else 2)
    assert all(same(one, other) for one, other in zip(decode(data, LIMITS).frames, first, strict=True))


def test_a_grey_first_frame_has_colour_in_each_pass(astronaut: Pixels) -> None:
    """What a later frame has, the first has from the beginning: none was given away before all were seen."""
    photo = Image.fromarray(astronaut[:64, :64])
    _, reel = opened(animation("GIF", photo.convert("L"), photo), LIMITS)
    for _ in range(2):
        assert [frame.pixels.shape for frame in reel] == [(64, 64, 3)] * 2


def test_frames_are_brought_to_the_channels_of_the_richest_and_the_size_of_the_first() -> None:
    """A frame beyond the canvas is cut; alpha that is added hides nothing; what fits stays the very same."""
    grey, colour, clear = (np.full((6, 8, *channels), 7, np.uint8) for channels in ((), (3,), (4,)))
    shape = canvas(Frame(grey), (Frame(each) for each in (colour, np.pad(clear, ((0, 3), (0, 2), (0, 0))))))
    assert shape == (6, 8, 4)
    assert like(Frame(grey, 30), shape).pixels.tolist() == [[[7, 7, 7, 255]] * 8] * 6
    assert like(Frame(np.pad(colour, ((0, 3), (0, 2), (0, 0)))), shape).pixels.tolist() == [[[7, 7, 7, 255]] * 8] * 6
    fits = Frame(clear, 30)
    assert like(fits, shape) is fits
    assert canvas(fits, []) is None


@pytest.mark.parametrize("container", ["GIF", "PNG", "WEBP", "AVIF"])
def test_one_frame_is_a_still_and_decoded_once(astronaut: Pixels, container: str) -> None:
    """A photo in a container of animations takes no second pass."""
    target = io.BytesIO()
    Image.fromarray(astronaut[:64, :64]).save(target, container)
    _, frames = opened(target.getvalue(), LIMITS)
    assert not isinstance(frames, Reel)
    (frame,) = frames
    assert frame.duration == 0


@pytest.mark.parametrize("container", ["GIF", "PNG", "WEBP"])
def test_an_animation_that_is_cut_off_is_refused_before_its_first_frame(astronaut: Pixels, container: str) -> None:
    """All frames have been decoded once before any is searched."""
    photo = Image.fromarray(astronaut[:128, :160])
    data = animation(container, *[photo.rotate(10 * number) for number in range(5)])
    with pytest.raises(FileRefused) as refused:
        opened(data[: len(data) * 9 // 10], LIMITS)
    assert refused.value.reason is TRUNCATED

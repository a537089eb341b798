"""An animation takes the memory of its window: five hundred frames in a locked worker no more than fifty."""

from __future__ import annotations

import dataclasses
import io
import sys

import pytest
from PIL import Image
from tests.service.test_scanned_document import most_memory

from facewarden.pool import LocalPool
from facewarden.values import Frame, Limits, Picture, Pixels, Recipe

QUICK = Recipe({"blazeface": 0.5}, smallest_face=200, style="solid", safety_frame=False)
WIDTH, HEIGHT = 640, 480


class Forgetful:
    """Takes frames and keeps none, so that the test itself stays small."""

    def begin(self, picture: Picture) -> None:
        """Nothing to prepare."""

    def take(self, frame: Frame, hidden: int) -> Frame:
        return dataclasses.replace(frame, pixels=frame.pixels[:0].copy())


def animation(astronaut: Pixels, container: str, count: int) -> bytes:
    """A face that wanders, and every few frames is away."""
    face = Image.fromarray(astronaut[:320, 60:380])
    plain = Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 60))
    palette = face.quantize(255)

    def frame(number: int) -> Image.Image:
        made = plain.copy()
        made.putpixel((number, 0), (250, 0, 0))
        if number % 12 > 3:
            made.paste(face, (number * 5 % 320, number * 3 % 160))
        return made.quantize(palette=palette, dither=Image.Dither.NONE) if container == "GIF" else made

    target = io.BytesIO()
    options = {"quality": 50, "method": 0} if container == "WEBP" else {}
    frames = (frame(number) for number in range(1, count))
    frame(0).save(target, container, save_all=True, append_images=frames, duration=40, **options)
    return target.getvalue()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("container", ["GIF", "WEBP"])
def test_many_frames_take_the_memory_of_few(
    astronaut: Pixels, container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ten times as many frames add is the file, in the request and in decoders' copies, and not a window more of pixels."""
    few, many = (animation(astronaut, container, count) for count in (50, 500))
    pool = LocalPool(1)
    pool.start()
    try:
        (worker,) = pool.pids()
        pool.treat(few, QUICK, 300, owner="test", receiver=Forgetful())
        before = most_memory(worker)
        reply = pool.treat(many, QUICK, 300, owner="test", receiver=Forgetful())
        grown = most_memory(worker) - before
    finally:
        pool.stop()
    assert len(reply.sizes) == 500 <= Limits().frames
    assert sum(map(len, reply.regions)) > 300
    pixels = WIDTH * HEIGHT * 4
    with capsys.disabled():
        sys.stdout.write(
            f"{container}: frame {pixels >> 10} kB, file {len(many) >> 10} kB; worker {grown >> 10} kB more\n"
        )
    assert grown < 5 * pixels + 3 * (len(many) - len(few))

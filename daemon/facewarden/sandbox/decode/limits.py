"""What a file may ask of the worker: each limit is checked before the memory it guards is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from PIL import Image

from facewarden.errors import EMPTY, SIDE_TOO_LONG, TOO_MANY_BYTES, TOO_MANY_FRAMES, TOO_MANY_PIXELS, FileRefused
from facewarden.values import Limits


def check_bytes(data: bytes, limits: Limits) -> None:
    """Raise FileRefused for an empty or too large file."""
    if not data:
        raise FileRefused(EMPTY)
    if len(data) > limits.bytes:
        raise FileRefused(TOO_MANY_BYTES)


def check_frame(size: tuple[int, int], limits: Limits) -> None:
    """Raise FileRefused where one frame of `size` (width, height) is too much."""
    width, height = size
    if max(width, height) > limits.side:
        raise FileRefused(SIDE_TOO_LONG)
    if width * height > limits.pixels:
        raise FileRefused(TOO_MANY_PIXELS)


def check_frames(count: int, pixels: int, container: str, limits: Limits) -> None:
    """Raise FileRefused where `count` frames with `pixels` in all are too much for a file of this container."""
    if count > limits.frames:
        raise FileRefused(TOO_MANY_FRAMES)
    if pixels > limits.together(container):
        raise FileRefused(TOO_MANY_PIXELS)


@contextlib.contextmanager
def pillow_limit(limits: Limits) -> Iterator[None]:
    """Set Pillow's own limit to ours for a while.

    Plugins that learn a size late (pictures inside icons, GIF frames beyond their canvas, WebP's canvas) ask Pillow's
    check before they take memory. It raises DecompressionBombError above twice MAX_IMAGE_PIXELS and warns before.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = -(-limits.pixels // 2)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before

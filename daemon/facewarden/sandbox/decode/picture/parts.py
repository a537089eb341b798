"""TIFF with whole files inside: each strip or tile is a WebP, a JPEG 2000 or a PNG, which libtiff cannot decode here.

Pillow can, so each part is opened as what it must be, held to the size and channels that the page promises and to the
rules for damage of its own format, and put in its place.
"""

from __future__ import annotations

import io

from PIL import Image

from facewarden.errors import TRUNCATED, FileRefused
from facewarden.sandbox.decode.picture import tiff, whole

_ROWS, _TILE_WIDTH, _TILE_LENGTH = 278, 322, 323
FORMATS = {34712: "JPEG2000", 34933: "PNG", 50001: "WEBP"}
"""Registered compressions → Pillow's name of what is in each part."""


def put_together(page: Image.Image, data: bytes, container: str, size: tuple[int, int]) -> None:
    """Decode all parts of the current page, whose stored size this is, into its pixels.

    Raises FileRefused and ValueError, and whatever Pillow does.
    """
    parts = list(tiff.parts(page))
    boxes = _boxes(page, size, len(parts))
    for (left, upper, width, height), (start, end) in zip(boxes, parts, strict=True):
        if end > len(data):
            raise FileRefused(TRUNCATED)
        inner = data[start:end]
        with Image.open(io.BytesIO(inner), formats=[container]) as part:
            # Of what is opaque WebP keeps no alpha.
            modes = {page.mode, page.mode[:3]} if container == "WEBP" else {page.mode}
            if part.size != (width, height) or part.mode not in modes or getattr(part, "n_frames", 1) != 1:
                raise ValueError("a part is not what the page promises")
            part.load()
            whole.check(part, inner)
            seen = part.crop((0, 0, min(width, size[0] - left), min(height, size[1] - upper)))
            seen = seen if seen.mode == page.mode else seen.convert(page.mode)
            page.im.paste(seen.im, (left, upper, left + seen.width, upper + seen.height))


def _boxes(page: Image.Image, size: tuple[int, int], count: int) -> list[tuple[int, int, int, int]]:
    """Left, upper, width and height of each part as coded: a tile at the edge is of full size, the last strip is not.

    Raises ValueError where these are not as many as the parts that there are.
    """
    width, height = tiff.tag(page, _TILE_WIDTH), tiff.tag(page, _TILE_LENGTH)
    is_tiled = width is not None
    if not is_tiled:
        width, height = size[0], min(tiff.tag(page, _ROWS, size[1]), size[1])
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        raise ValueError("no size of parts")
    across, down = range(0, size[0], width), range(0, size[1], height)
    if len(across) * len(down) != count:
        raise ValueError("not as many parts as places")
    return [
        (left, upper, width, height if is_tiled else min(height, size[1] - upper)) for upper in down for left in across
    ]

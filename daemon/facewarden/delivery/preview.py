"""Preview: a small contact sheet of a result, for a person to glance over: the hidden areas framed, with their scores.

Made from the pixels and regions that a worker sent back, which are redacted already; nothing is opened for it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from facewarden.delivery.encode import on_white
from facewarden.files import filename
from facewarden.replies import Reply
from facewarden.values import Frame, Region

SIDE = 1024
"""Longest side of a sheet in pixels."""
TILES = 16
"""Frames on a sheet at most, taken evenly from all."""
GREEN, BLACK, GREY = (0, 255, 0), (0, 0, 0), (96, 96, 96)
LETTERS = 12
"""Height of the scores in pixels."""
MOST = 300
"""Areas drawn on a frame, the largest first: more cannot be told apart, and 20,000 took thirteen minutes."""
NARROWEST = 16
"""Pixels on the sheet that an area must be wide to have its score written: in a crowd they would hide one another."""
_QUALITY = 85


def preview_name(result: bytes) -> bytes:
    """The name of the sheet of the result at this path."""
    folder, slash, name = result.rpartition(b"/")
    return folder + slash + filename.with_ending(name, b".preview.jpg")


def sheet(reply: Reply) -> bytes:
    """The contact sheet as a JPEG: one frame alone, several in a grid."""
    frames, found = reply.picture.frames, reply.regions
    shown = sorted({number * len(frames) // TILES for number in range(TILES)})
    columns = math.ceil(math.sqrt(len(shown)))
    side = SIDE // columns
    tiles = [_tile(frames[number], reply.sizes[number], found[number], side) for number in shown]
    image = _grid(tiles, columns, side) if len(tiles) > 1 else tiles[0]
    if len(shown) < len(frames):
        _write(ImageDraw.Draw(image), (0, 0), f"{len(shown)} of {len(frames)} frames")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling="4:4:4")
    return buffer.getvalue()


def _tile(frame: Frame, size: tuple[int, int], found: Sequence[Region], side: int) -> Image.Image:
    """A frame of this size, of which not all pixels may be left."""
    width, height = size
    # Some of the pixels are enough to reduce from, and spare a copy of a large photo.
    step = max(max(frame.pixels.shape[:2]) // (2 * side), 1)
    tile = on_white(Image.fromarray(frame.pixels[::step, ::step])).convert("RGB")
    tile.thumbnail((side, side))
    scale = (tile.width / width, tile.height / height)
    pen = ImageDraw.Draw(tile)
    drawn = sorted(found, key=lambda region: region.width * region.height, reverse=True)[:MOST]
    for region in drawn:
        _frame(pen, region, scale)
    for region in drawn:
        if region.width * scale[0] >= NARROWEST:
            place = (max(region.x * scale[0], 0), max(region.y * scale[1] - LETTERS - 2, 0))
            _write(pen, place, f"{region.score:.2f}")
    if len(drawn) < len(found):
        _write(pen, (0, tile.height - LETTERS - 4), f"{len(drawn)} of {len(found)} areas")
    return tile


def _frame(pen: ImageDraw.ImageDraw, region: Region, scale: tuple[float, float]) -> None:
    left, top = region.x * scale[0], region.y * scale[1]
    corners = (left, top, left + region.width * scale[0], top + region.height * scale[1])
    draw = pen.ellipse if region.shape == "ellipse" else pen.rectangle
    draw(corners, outline=GREEN, width=2)


def _write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str) -> None:
    """Green on black, to be read on any ground."""
    font = ImageFont.load_default(LETTERS)
    pen.rectangle(pen.textbbox(place, text, font), fill=BLACK)
    pen.text(place, text, GREEN, font)


def _grid(tiles: Sequence[Image.Image], columns: int, side: int) -> Image.Image:
    grid = Image.new("RGB", (columns * side, math.ceil(len(tiles) / columns) * side), GREY)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        grid.paste(tile, (column * side + (side - tile.width) // 2, row * side + (side - tile.height) // 2))
    return grid

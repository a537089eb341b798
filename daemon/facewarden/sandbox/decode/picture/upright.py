"""Turn pixels the way the photographer held the camera (EXIF 2.32, tag 274, values 1 to 8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image

from facewarden.values import Pixels

_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn what is stored so that it stands upright; Pillow turns counter-clockwise."""
_UNTURNED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""A view of upright pixels in the order of the file."""


def orientation(image: Image.Image) -> int:
    """What a loaded picture says of its orientation, 1 to 8; 1 where it says nothing or nonsense.

    Pillow looks into EXIF, then into XMP; for AVIF it has put the container's own rotation in EXIF's place.
    """
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - broken metadata in all its ways must not cost the picture
        return 1
    return value if isinstance(value, int) and value in _UNTURNED else 1


def is_sideways(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5


def place(strip: Image.Image, row: int, upright: Pixels, orientation: int) -> None:
    """Write some rows of the stored picture, from `row` on, to where they belong in the `upright` one.

    Pillow turns the strip, which is small enough for the processor's cache; turning all at once would need a second
    copy of the picture, and writing unturned rows into turned pixels takes several times as long.
    """
    turn = _TURNS.get(orientation)
    stored = _UNTURNED[orientation](upright)[row : row + strip.height]
    place_of_strip = _UNTURNED[{6: 8, 8: 6}.get(orientation, orientation)](stored)
    place_of_strip[...] = np.asarray(strip if turn is None else strip.transpose(turn))

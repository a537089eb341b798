"""Turn pixels the way the photographer held the camera (EXIF 2.32, tag 274, values 1 to 8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image

from facewarden.values import Pixels

_AS_STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


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
    return value if isinstance(value, int) and value in _AS_STORED else 1


def is_sideways(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5


def as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of `upright` in the order of the file: what is written there comes out upright without a second copy."""
    return _AS_STORED[orientation](upright)

"""A decoder for PGM and PPM of unusual depth (scanners write 16 bits). Pillow's own takes seconds a megapixel."""

from __future__ import annotations

from typing import IO, cast

import numpy as np
from PIL import Image, ImageFile


class Decoder(ImageFile.PyDecoder):
    """Scales samples of 0 to `maxval` to the full range, as Pillow's own decoder of the name "ppm" does."""

    _pulls_fd = True

    def decode(self, _: object) -> tuple[int, int]:
        """Read all samples that the header announces. Raises ValueError where there are fewer."""
        maxval = int(self.args[-1])
        target = np.dtype("=u4" if self.mode == "I" else "u1")
        white = 65535 if self.mode == "I" else 255
        scale = np.rint(np.arange(maxval + 1) * white / maxval).astype(target)
        sample = np.dtype(">u2" if maxval > 255 else "u1")
        count = self.state.xsize * self.state.ysize * Image.getmodebands(self.mode)
        samples = np.frombuffer(cast("IO[bytes]", self.fd).read(count * sample.itemsize), sample)
        self.set_as_raw(scale.take(samples, mode="clip").tobytes(), "I;32N" if self.mode == "I" else self.mode)
        return -1, 0

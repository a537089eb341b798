"""CenterFace: a fully convolutional network that answers for every fourth pixel how likely a face has its centre there.

Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point (2019), arXiv:1911.03599. It takes any size
divisible by 32 and finds faces from about 8 to 500 pixels, best between 16 and 200.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewarden.errors import PYTHON_LIBRARY, CannotStart
from facewarden.sandbox import weights
from facewarden.values import Pixels, Region

STRIDE = 4
"""One cell of the answers stands for 4 x 4 pixels (section 3.1 of the paper)."""

STEP = 32
"""Both sides of the network's input are multiples of this: it halves the picture five times and adds it up again."""

OUTPUTS = ("537", "538", "539", "540")
"""Names in the ONNX graph of heat map, size, offset and landmarks; OpenCV's new engine wants all of them asked for."""

Answers = npt.NDArray[np.float32]


class CenterFace:
    """The network under OpenCV's dnn, in the calling thread."""

    def __init__(self, threshold: float) -> None:
        """`threshold` is the lowest score answered, 0..1. Raises CannotStart (weights, library)."""
        content = weights.read("centerface")
        self._threshold = threshold
        try:
            # The classic engine of OpenCV 5.0 answers nonsense, without a word, from the second input size on.
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8), cv2.dnn.ENGINE_NEW)
        except cv2.error as error:
            raise CannotStart(PYTHON_LIBRARY) from error

    def close(self) -> None:
        """Give the network's memory back; nothing can be found after this."""
        del self._network

    def find(self, pixels: Pixels) -> list[Region]:
        """The faces in one RGB window (height, width, 3), in its pixels; one face may be answered several times."""
        self._network.setInput(cv2.dnn.blobFromImage(_padded(pixels)))
        heat, size, offset, _ = self._network.forward(OUTPUTS)
        return decode(heat[0, 0], size[0], offset[0], self._threshold)


def _padded(pixels: Pixels) -> Pixels:
    """The window with grey added right and below up to multiples of STEP, so that no face changes its proportions."""
    height, width = pixels.shape[:2]
    grown = cv2.copyMakeBorder(pixels, 0, -height % STEP, 0, -width % STEP, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return np.asarray(grown, np.uint8)


def decode(heat: Answers, size: Answers, offset: Answers, threshold: float) -> list[Region]:
    """Turn the network's answers into regions (sections 3.1 and 3.2 of the paper).

    `heat` is (rows, columns) in 0..1; `size` and `offset` are (2, rows, columns), down first: the logarithm of the
    face's height and width in cells, and where in its cell the face's centre lies.
    """
    rows, columns = np.nonzero((heat >= threshold) & _peaks(heat))
    heights, widths = np.exp(size[:, rows, columns]) * STRIDE
    down, across = (np.stack((rows, columns)) + offset[:, rows, columns] + 0.5) * STRIDE
    found = np.stack((across - widths / 2, down - heights / 2, widths, heights, heat[rows, columns]), axis=1)
    return [Region(x, y, width, height, score, "centerface") for x, y, width, height, score in found.tolist()]


def _peaks(heat: Answers) -> npt.NDArray[np.bool_]:
    """Cells that no neighbour exceeds: the network answers one face in several cells round its centre."""
    highest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    return np.asarray(heat >= highest)

"""Harmonic interpolation: values known in some cells of a grid, spread into all others as heat would spread.

The result solves Laplace's equation with the known cells held fixed and no flow across the grid's borders: the
smoothest surface through them, without peaks of its own. Solved by cascadic multigrid (Bornemann and Deuflhard 1996):
a grid of half the size first, its answer as the start, then some rounds of averaging, accelerated by Chebyshev weights
(Golub and Varga 1961). Cost linear in the cells.
"""

from __future__ import annotations

import cv2
import numpy as np

from facewarden.regions import Coverage
from facewarden.sandbox.redact.blending import Grid

ROUNDS = 32
"""At each grid size. On six photos of faces, the fill then lay within 1 level of 255, on average, of 1,500 rounds'."""
RADIUS = 0.995
"""The spectral radius of the averaging that the weights assume: that of some thirty unknown cells in a row."""
NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32) / 4


def _weights() -> list[np.float32]:
    weights = [1.0, 1 / (1 - RADIUS**2 / 2)]
    while len(weights) < ROUNDS:
        weights.append(1 / (1 - RADIUS**2 * weights[-1] / 4))
    return [np.float32(weight) for weight in weights]


WEIGHTS = _weights()


def spread(values: Grid, known: Coverage) -> Grid:
    """`values` where known, shape (rows, columns), and a smooth surface through them elsewhere.

    What `values` holds in unknown cells is not looked at. At least one cell must be known. The weights may carry the
    surface past the largest or smallest known value by a fraction of their difference.
    """
    if known.all():
        return values
    fixed = np.repeat(known[..., None], values.shape[2], axis=2)
    guess = _enlarged(spread(*_halved(values, known)), known.shape).copy()
    np.copyto(guess, values, where=fixed)
    before = guess
    for weight in WEIGHTS[: 2 * max(known.shape)]:  # a small grid settles sooner
        after = _averaged(guess)
        after -= before
        after *= weight
        after += before
        np.copyto(after, values, where=fixed)
        guess, before = after, guess
    return guess


def _halved(values: Grid, known: Coverage) -> tuple[Grid, Coverage]:
    """Half as many cells each way; a cell is the mean of the known ones among its four, known if there is any."""
    rows, columns = known.shape
    edges = ((0, rows % 2), (0, columns % 2))
    weights = np.pad(known, edges)[..., None]
    padded = np.pad(values, (*edges, (0, 0)))
    total, count = _fours(np.where(weights, padded, np.float32(0))), _fours(weights.astype(np.float32))
    means: Grid = np.divide(total, np.maximum(count, 1), dtype=np.float32)
    return means, count[..., 0] > 0


def _fours(grid: Grid) -> Grid:
    """The sums over squares of two by two cells."""
    return grid[0::2, 0::2] + grid[0::2, 1::2] + grid[1::2, 0::2] + grid[1::2, 1::2]


def _enlarged(grid: Grid, shape: tuple[int, ...]) -> Grid:
    """Twice as many cells each way, cut to the given rows and columns."""
    rows, columns, channels = grid.shape
    large = cv2.resize(grid, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32).reshape(2 * rows, 2 * columns, channels)[: shape[0], : shape[1]]


def _averaged(grid: Grid) -> Grid:
    """Each cell replaced by the mean of its four neighbours; beyond a border lies the border's own value."""
    mean = cv2.filter2D(grid, -1, NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean, dtype=np.float32).reshape(grid.shape)

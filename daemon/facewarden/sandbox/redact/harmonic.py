"""Harmonic interpolation: values known in some cells of a grid, spread into all others as heat would spread.

The fill is the solution of Laplace's equation with the known cells held fixed and no flow across the grid's borders: the
smoothest surface through them, without peaks of its own. Solved by cascadic multigrid (Bornemann and Deuflhard 1996): a
half-size grid first, its answer as the start, a few Jacobi rounds at each size. Cost linear in the cells.
"""

from __future__ import annotations

import cv2
import numpy as np

from facewarden.sandbox.redact.blending import Grid
from facewarden.sandbox.regions import Coverage

from facewarden.sandbox.redact.blending import Grid

ROUNDS = 8
"""Jacobi rounds at each grid size. More change the result by less than one level of 255 at the sizes used here."""

NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32) / 4


def spread(values: Grid, known: Coverage) -> Grid:
    """`values` where known, shape (rows, columns), and a smooth surface through them elsewhere.

    What `values` holds in unknown cells is not looked at. At least one cell must be known.
    """
    if known.all():
        return values
    guess = _enlarged(spread(*_halved(values, known)), known.shape)
    fixed = known[..., None]
    for _ in range(ROUNDS):
        guess = np.where(fixed, values, _filtered(guess))
    return guess


def _halved(values: Grid, known: Coverage) -> tuple[Grid, Coverage]:
    """Half as many cells each way; a cell is the mean of the known ones among its four, known if there is any."""
    rows, columns = known.shape
    edges = ((0, rows % 2), (0, columns % 2))
    weights = np.pad(known, edges).astype(np.float32)[..., None]
    weighted = np.where(weights > 0, np.pad(values, (*edges, (0, 0))), np.float32(0))
    total, count = _fours(weighted), _fours(weights)
    return total / np.maximum(count, 1), count[..., 0] > 0


def _fours(grid: Grid) -> Grid:
    """The sums of the squares of two by two cells."""
    return grid[0::2, 0::2] + grid[0::2, 1::2] + grid[1::2, 0::2] + grid[1::2, 1::2]


def _enlarged(grid: Grid, shape: tuple[int, ...]) -> Grid:
    rows, columns = shape
    size = (grid.shape[1] * 2, grid.shape[0] * 2)
    large = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32).reshape(size[1], size[0], -1)[:rows, :columns]


def _filtered(grid: Grid) -> Grid:
    """Each cell replaced by the mean of its four neighbours; beyond a border lies the border's own value."""
    mean = cv2.filter2D(grid, -1, NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean, dtype=np.float32).reshape(grid.shape)

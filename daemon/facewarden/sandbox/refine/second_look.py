"""The second look: what is still found in a redacted frame, outside all that is hidden, is covered flatly.

A region that lies inside a hidden area is no finding: nothing of a face is left there (the blind styles), and yet a
soft patch between hair and collar can look like one to a detector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facewarden import regions
from facewarden.regions import Coverage
from facewarden.values import Region

ROUNDS = 4
"""Searches of a redacted frame; the last one must find nothing. A patch can make its neighbourhood look like a face."""

HIDDEN_SHARE = 0.5
"""A region of which at least this share is hidden counts as hidden: what looks out at an edge is no whole face."""


def remaining(found: Sequence[Region], hidden: Coverage) -> list[Region]:
    """The regions, not grown, that are not hidden; `hidden` has the frame's shape (height, width)."""
    return [region for region in found if not (_middle(region, hidden) or hidden_share(region, hidden) >= HIDDEN_SHARE)]


def _middle(region: Region, hidden: Coverage) -> bool:
    """Whether the region's centre is hidden: then it is a hidden area's soft edge that looks like a face."""
    height, width = hidden.shape
    row = min(max(int(region.y + region.height / 2), 0), height - 1)
    column = min(max(int(region.x + region.width / 2), 0), width - 1)
    return bool(hidden[row, column])


def hidden_share(region: Region, hidden: Coverage) -> float:
    """How much of a region's bounding rectangle is hidden, 0..1; 1 of one that lies outside the frame."""
    spans = regions.spans(region, *hidden.shape)
    part = hidden[spans.rows, spans.columns]
    return float(np.count_nonzero(part)) / part.size if part.size else 1.0

"""Dark and flat windows get a second view; what is in good light does not pay for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from facewarden.sandbox.detect import lighting
from facewarden.values import Pixels


def test_a_photo_in_good_light_is_looked_at_once(astronaut: Pixels) -> None:
    """The window itself comes out, not a copy, and nothing else."""
    (only,) = lighting.views(astronaut)
    assert only is astronaut


@pytest.mark.parametrize(("base", "parts"), [(0, 4), (160, 8)], ids=["dark", "flat"])
def test_a_dark_or_flat_photo_is_looked_at_twice(astronaut: Pixels, base: int, parts: int) -> None:
    """The second view shows more contrast than the first."""
    dim = (base + astronaut // parts).astype(np.uint8)
    first, second = lighting.views(dim)
    assert first is dim
    assert second.std() > 1.5 * dim.std()


@given(
    arrays(
        np.uint8,
        array_shapes(min_dims=2, max_dims=2, max_side=40).map(lambda shape: (*shape, 3)),
        elements=st.integers(0, 40),
    )
)
def test_every_size_can_be_evened(window: Pixels) -> None:
    """A second view has the window's shape, whatever that is."""
    shapes = {view.shape for view in lighting.views(window)}
    assert shapes == {window.shape}

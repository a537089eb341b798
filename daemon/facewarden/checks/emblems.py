"""Before the first photo: a worker opens each emblem, so that one that cannot be drawn is told at the start."""

from __future__ import annotations

from collections.abc import Mapping

from facewarden import protocol
from facewarden.errors import CONFIGURATION, CannotStart, FileRefused
from facewarden.pool import Pool
from facewarden.values import EMBLEM, Recipe

SECONDS = 60.0
"""How long opening one may take; a megapixel takes a fraction of a second."""


def require_emblems(pool: Pool, recipes: Mapping[str, Recipe]) -> None:
    """Have the emblem of each recipe opened as any dropped photo is; `recipes` by the key of their profile.

    Raises CannotStart(CONFIGURATION) with a fault for each that no worker opens.
    """
    faults = []
    for key, recipe in recipes.items():
        if not recipe.emblem:
            continue
        try:
            pool.treat(recipe.emblem, Recipe({}, limits=EMBLEM), SECONDS, protocol.FIND)
        except FileRefused as refusal:
            what = refusal.reason.what[0].lower() + refusal.reason.what[1:]
            faults.append(f"{key}redact.emblem: {what} It may have one frame, 1 megapixel and 1 MB.")
    if faults:
        raise CannotStart(CONFIGURATION, tuple(faults))

"""Attempts to break out of a worker, as a broken-into library would make them.

Each is a function that returns if it got out.

`python -I -m facewarden.sandbox.escapes` runs all of them, each in a process of its own, once in a locked worker and
once without any lock as a control, which shows that the attempt is real. No attempt harms this machine where it
succeeds: what it touches is a scratch folder, its parent, or itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Final

from facewarden.sandbox.escapes import files, kernel, network, nuisances, processes
from facewarden.sandbox.escapes.scene import Scene

Attempt = Callable[[Scene], None]


def _attempts_of(room: ModuleType) -> dict[str, Attempt]:
    """A module's public functions by their names."""
    own = inspect.getmembers(room, lambda one: inspect.isfunction(one) and one.__module__ == room.__name__)
    return {name.replace("_", "-"): function for name, function in own if not name.startswith("_")}


ATTEMPTS: Final[dict[str, Attempt]] = {
    name: attempt
    for room in (files, network, processes, kernel, nuisances)
    for name, attempt in _attempts_of(room).items()
}
"""All attempts by the name that the command line takes."""

"""Carriers: the threads that carry one photo each from claim to retired original.

They are daemons: one that hangs in a folder that does not answer holds up neither the photos of other inboxes nor the
end of the process. What it held comes to its end at the next start, as after a crash.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

from facewarden.intake.inbox import Inbox
from facewarden.intake.settle import Settled
from facewarden.service.journey import Ending, Journey

CLOSE_SECONDS = 5.0
"""How long carriers may take to note that the workers are gone; those that hang are left behind."""


class Carriers:
    """Used by the loop's thread alone. `tell` is called in a carrier's thread with its ending or its failure."""

    def __init__(self, journey: Journey, most: int, tell: Callable[[Ending | BaseException], None]) -> None:
        self._journey, self._most, self._tell = journey, most, tell
        self._under_way: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()
        self._numbers = itertools.count(1)

    @property
    def under_way(self) -> int:
        return self._under_way.total()

    def of(self, inbox: str) -> int:
        """How many of this inbox's photos are under way."""
        return self._under_way[inbox]

    def free_for(self, inbox: str) -> bool:
        """Whether one more photo may go.

        Each inbox may always have one, so that none waits for another one's folder.
        """
        return self.under_way < self._most or not self._under_way[inbox]

    def carry(self, inbox: Inbox, settled: Settled) -> None:
        """Begin one photo's journey."""
        self._under_way[inbox.name] += 1
        name = f"carrier-{next(self._numbers)}"
        thread = threading.Thread(target=self._carry, args=(inbox, settled), name=name, daemon=True)
        self._threads = {old for old in self._threads if old.is_alive()} | {thread}
        thread.start()

    def ended(self, inbox: str) -> None:
        """A journey's ending was heard."""
        self._under_way[inbox] -= 1

    def close(self) -> None:
        """Wait for those that still can end, for a short time."""
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _carry(self, inbox: Inbox, settled: Settled) -> None:
        try:
            self._tell(self._journey.carry(inbox.settings, inbox.root.proved, inbox.recipe, settled))
        except BaseException as failure:  # noqa: BLE001 - the loop raises it again in its own thread
            self._tell(failure)

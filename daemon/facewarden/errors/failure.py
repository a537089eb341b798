"""What a foreseeable failure is.

A reason with its number, its exit code, whether another try may help, and what to do.
"""

from __future__ import annotations

import dataclasses
import enum


class Exit(enum.IntEnum):
    """What the process tells its caller."""

    FINE = 0
    SOME_FAILED = 1
    USAGE = 2
    CANNOT_START = 3
    ALREADY_RUNNING = 4
    JOURNAL = 5
    RECALL = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """A named failure. `number` is public and never reused; `retry` tells whether the same file may pass later."""

    number: int
    name: str
    what: str
    advice: str
    exit: Exit = Exit.SOME_FAILED
    retry: bool = False

    def sentence(self) -> str:
        return f"{self.what} {self.advice}"


class FacewardenError(Exception):
    """A foreseeable failure; its text is the reason's sentence, so it may be shown and logged as it is."""

    def __init__(self, reason: Reason, faults: tuple[str, ...] = ()) -> None:
        super().__init__(reason.sentence())
        self.reason = reason
        self.faults = faults
        """Lines for the operator's terminal (configuration keys and advice), never for a log."""


class FileRefused(FacewardenError):
    """This file cannot become a result: quarantine it, or try again where the reason says so."""

    def __init__(self, reason: Reason, *, page: int = 0) -> None:
        super().__init__(reason)
        self.page = page
        """The page of a document that is at fault, counted from 1; 0 where it is none, or all of them."""


class CannotStart(FacewardenError):
    """The service cannot run at all."""

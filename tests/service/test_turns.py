"""Duplicates: twins go one after the other, others side by side, and nobody waits for ever."""

from __future__ import annotations

import threading

import pytest

from facewarden.service import duplicates
from facewarden.service.duplicates import Duplicates


def test_twins_go_one_after_the_other_and_others_at_once() -> None:
    """While one has its turn a twin waits for its end, and another content does not."""
    order: list[str] = []
    table = Duplicates()

    def twin() -> None:
        with table.of(b"same"):
            order.append("twin")

    with table.of(b"same"):
        waiting = threading.Thread(target=twin)
        waiting.start()
        with table.of(b"other"):
            order.append("other")
        waiting.join(0.2)
        assert waiting.is_alive()
        order.append("first")
    waiting.join(10)
    assert order == ["other", "first", "twin"]


def test_a_turn_that_hangs_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its patience a twin goes on, and the one that hung still ends its turn."""
    monkeypatch.setattr(duplicates, "TURN_SECONDS", 0.1)
    table = Duplicates()
    passed = threading.Event()

    def twin() -> None:
        with table.of(b"same"):
            passed.set()

    with table.of(b"same"):
        threading.Thread(target=twin).start()
        assert passed.wait(10)
    with table.of(b"same"):
        pass

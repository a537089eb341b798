"""How often an inbox is scanned: as its profile says, at a moment of its own, and no more than a share of a core with events."""

from __future__ import annotations

import time

from facewarden.intake.rhythm import BLIND_SECONDS, RAREST, Rhythm


def work(rhythm: Rhythm, seconds: float) -> None:
    """A scan that takes so much processor time."""
    with rhythm.measured():
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass


def test_scans_come_as_often_as_the_profile_says() -> None:
    """The second one somewhat sooner, then at equal steps, whatever a scan costs where nothing but scans sees files."""
    rhythm = Rhythm("photos", 30, share=0.0001)
    due = rhythm.next_scan(100, events=False, blind=False)
    assert 115 <= due <= 130
    for _ in range(3):
        work(rhythm, 0.01)
        following = rhythm.next_scan(due, events=False, blind=False)
        assert following - due == 30
        due = following


def test_inboxes_are_not_scanned_all_at_the_same_time() -> None:
    """Ten of them that begin together are spread over half of their time."""
    dues = {Rhythm(f"inbox{n}", 30, 0.01).next_scan(0, events=True, blind=False) for n in range(10)}
    assert len(dues) == 10
    assert max(dues) - min(dues) > 5


def test_one_out_of_turn_is_a_scan_too() -> None:
    """However often events ask for a scan, after the last of them the next comes in time, and then all come regularly."""
    rhythm = Rhythm("photos", 30, share=1)
    due = rhythm.next_scan(100, events=True, blind=False)
    for now in (101, 120, 140):
        following = rhythm.next_scan(now, events=True, blind=False)
        assert max(due, now + 15) <= following <= now + 30
        due = following
    assert rhythm.next_scan(due + 0.01, events=True, blind=False) == due + 0.01 + 30


def test_a_scan_that_costs_much_comes_less_often_with_events() -> None:
    """Its share of a core is kept; but it comes, however much it costs."""
    rhythm = Rhythm("photos", 1, share=0.01)
    due = rhythm.next_scan(100, events=True, blind=False)
    work(rhythm, 0.05)
    following = rhythm.next_scan(due, events=True, blind=False)
    assert 5 <= following - due < RAREST
    work(rhythm, 0.5)
    assert rhythm.next_scan(following, events=True, blind=False) - following == RAREST


def test_a_blind_inbox_is_scanned_soon() -> None:
    """Where events are lacking, what a scan costs and how long it was put off no longer count."""
    rhythm = Rhythm("photos", 3600, share=0.0001)
    due = rhythm.next_scan(100, events=True, blind=False)
    work(rhythm, 0.01)
    assert due > 1000
    assert rhythm.next_scan(200, events=True, blind=True) == 200 + BLIND_SECONDS

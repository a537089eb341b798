"""Settle: a file is taken once it has been quiet for its time, by a clock that is passed in, and not before."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden.files import Signature
from facewarden.intake.settle import Settled, Settling

QUIET = 2.0
A, B = b"a.jpg", b"b.jpg"


def version(number: int, mtime: int = 0) -> Signature:
    return Signature(inode=1, size=number, mtime_ns=mtime)


def taken(settling: Settling, now: float, files: dict[bytes, Signature], most: int = 100) -> list[Settled]:
    return list(settling.settled(now, files.get, most))


def test_a_quiet_file_is_taken_once() -> None:
    """It settles after its time, tells when it was first seen, and is then forgotten."""
    settling = Settling(QUIET, room=10)
    settling.see(A, version(1), now=100.0)
    assert not settling.could_be_settled(101.9)
    assert settling.next_due() == 102.0
    assert taken(settling, 101.9, {A: version(1)}) == []
    assert taken(settling, 102.0, {A: version(1)}) == [Settled(A, version(1), 100.0)]
    assert taken(settling, 110.0, {A: version(1)}) == []
    assert len(settling) == 0
    assert settling.next_due() is None


@pytest.mark.parametrize(
    "changed", [Signature(2, 1, 0), Signature(1, 2, 0), Signature(1, 1, 9), Signature(1, 1, -(2**63))], ids=repr
)
def test_any_change_starts_the_time_again(changed: Signature) -> None:
    """Another inode, size or date, later or earlier, is a change, whether an event or the last look shows it."""
    settling = Settling(QUIET, room=10)
    settling.see(A, version(1), now=0.0)
    settling.see(A, changed, now=1.5)
    assert taken(settling, 2.5, {A: changed}) == []
    assert taken(settling, 3.5, {A: version(1)}) == []
    assert taken(settling, 5.4, {A: version(1)}) == []
    assert taken(settling, 5.5, {A: version(1)}) == [Settled(A, version(1), 0.0)]


def test_a_file_that_went_away_is_forgotten() -> None:
    """What is gone at the last look is not taken and not looked at again."""
    settling = Settling(QUIET, room=10)
    settling.see(A, version(1), now=0.0)
    assert taken(settling, 2.0, {}) == []
    assert len(settling) == 0


def test_the_oldest_leave_first_and_not_too_many_at_a_time() -> None:
    """Files leave in the order of their dates; the rest stays for the next time."""
    settling = Settling(QUIET, room=10)
    files = {b"%d" % number: version(1, mtime=-number) for number in range(6)}
    for path, signature in files.items():
        settling.see(path, signature, now=0.0)
    assert [settled.path for settled in taken(settling, 9.0, files, most=4)] == [b"5", b"4", b"3", b"2"]
    assert [settled.path for settled in taken(settling, 9.0, files, most=4)] == [b"1", b"0"]


def test_the_room_is_bounded() -> None:
    """No more files are watched than there is room for; those seen before go on being watched."""
    settling = Settling(QUIET, room=2)
    for number in range(5):
        settling.see(b"%d" % number, version(1), now=0.0)
    assert settling.left == 0
    assert len(settling) == 2
    settling.see(b"0", version(2), now=1.0)
    assert [settled.path for settled in taken(settling, 2.0, {b"1": version(1)})] == [b"1"]
    settling.see(b"4", version(1), now=2.0)
    assert len(settling) == 2


def test_a_look_that_fails_loses_no_file() -> None:
    """Where the folder fails in the middle, what was taken before counts, and what was not is still watched."""
    settling = Settling(QUIET, room=10)
    for path in (A, B):
        settling.see(path, version(1, mtime=path[0]), now=0.0)

    def look(path: bytes) -> Signature:
        if path == B:
            raise OSError(5, "I/O error")
        return version(1, mtime=path[0])

    settled = settling.settled(2.0, look, 10)
    assert next(settled).path == A
    with pytest.raises(OSError, match="I/O"):
        next(settled)
    assert len(settling) == 1
    assert [left.path for left in taken(settling, 2.0, {B: version(1, mtime=B[0])})] == [B]


@dataclasses.dataclass
class Seen:
    """The reference: all that was ever seen of one file since it was last taken or lost."""

    first: float
    looks: list[tuple[float, Signature]]

    def quiet_for(self, now: float) -> float:
        """Seconds since the last look that showed another version than the one before it."""
        since = self.first
        for (_, before), (when, after) in zip(self.looks, self.looks[1:], strict=False):
            since = when if after != before else since
        return now - since


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "see", "see", "take", "remove"]),
        st.sampled_from([A, B, b"c.jpg"]),
        st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]),
        st.integers(1, 3),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_settling_agrees_with_a_plain_history(actions: list[tuple[str, bytes, float, int]]) -> None:
    """Whatever is written, seen and removed when, exactly those files settle whose history was quiet long enough."""
    settling = Settling(QUIET, room=100)
    disk: dict[bytes, Signature] = {}
    history: dict[bytes, Seen] = {}
    now = 0.0
    for action, path, pause, content in actions:
        now += pause
        if action == "write":
            disk[path] = version(content)
        elif action == "remove":
            disk.pop(path, None)
        elif action == "see" and path in disk:
            settling.see(path, disk[path], now)
            history.setdefault(path, Seen(now, [])).looks.append((now, disk[path]))
        elif action == "take":
            assert {settled.path for settled in taken(settling, now, disk)} == _taken_by_history(history, disk, now)
        assert len(settling) == len(history)


def _taken_by_history(history: dict[bytes, Seen], disk: dict[bytes, Signature], now: float) -> set[bytes]:
    due = [path for path, seen in history.items() if seen.quiet_for(now) >= QUIET]
    settled = set()
    for path in due:
        if path not in disk:
            del history[path]
        elif disk[path] == history[path].looks[-1][1]:
            settled.add(path)
            del history[path]
        else:
            history[path].looks.append((now, disk[path]))
    return settled


def test_an_empty_file_is_given_more_time() -> None:
    """A file without a byte waits ten times as long; with its first byte it settles as any other does."""
    settling = Settling(QUIET, room=2)
    for path in (b"empty", b"begun"):
        settling.see(path, Signature(1, 0, 1), now=0.0)
    settling.see(b"begun", Signature(1, 9, 1), now=1.0)
    there = {b"empty": Signature(1, 0, 1), b"begun": Signature(1, 9, 1)}
    assert [settled.path for settled in taken(settling, 1.0 + QUIET, there)] == [b"begun"]
    assert not taken(settling, 25 * QUIET - 0.1, there)
    assert [settled.path for settled in taken(settling, 25 * QUIET, there)] == [b"empty"]

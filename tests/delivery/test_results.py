"""Earlier results: given back whole or not at all, within their room, readable by nobody else."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms import contents, open_descriptors

from facewarden.delivery.results import Results

KEY = b"k" * 32
TAG = 32


def sizes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def aged(folder: Path, name: str, seconds: int) -> None:
    os.utime(folder / name, (seconds, seconds))


def test_a_result_is_given_back(tmp_path: Path) -> None:
    """By its job's id, as often as it is asked for, after a restart too; an unknown job has none."""
    results = Results(tmp_path / "results", KEY, 10_000)
    results.keep("0f3a", b"result")
    assert results.take("0f3a") == results.take("0f3a") == b"result"
    assert Results(tmp_path / "results", KEY, 10_000).take("0f3a") == b"result"
    assert results.take("ffff") is None


@given(data=st.binary(max_size=200), cut=st.integers(0, 300), flip=st.integers(0, 231))
def test_a_result_that_is_not_whole_is_thrown_away(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int, flip: int
) -> None:
    """Torn, altered or of another state folder's key, it is not delivered and does not stay."""
    folder = tmp_path_factory.getbasetemp() / "torn"
    results = Results(folder, KEY, 10_000)
    results.keep("0f3a", data)
    file = folder / "0f3a"
    stored = bytearray(file.read_bytes())
    if flip < len(stored):
        stored[flip] ^= 1
    file.write_bytes(stored[:cut] if cut < len(stored) or flip < len(stored) else b"")
    assert results.take("0f3a") is None
    assert not file.exists()
    results.keep("0f3a", data)
    assert Results(folder, b"another" * 5, 10_000).take("0f3a") is None
    assert not file.exists()


def test_the_room_is_not_exceeded(tmp_path: Path) -> None:
    """The results asked for longest ago leave first; what does not fit at all is not kept."""
    folder = tmp_path / "results"
    results = Results(folder, KEY, 10 * 132)
    for number in range(10):
        results.keep(f"{number}", bytes(100))
        aged(folder, f"{number}", number)
    assert results.take("0") == bytes(100)
    results.keep("10", bytes(100))
    assert sizes(folder) <= 10 * 132
    assert (folder / "0").exists()
    assert not (folder / "1").exists()
    assert results.take("10") == bytes(100)
    results.keep("big", bytes(10 * 132))
    assert results.take("big") is None


def test_what_an_earlier_run_left_counts(tmp_path: Path) -> None:
    """The room is that of the folder, not of this run's results."""
    folder = tmp_path / "results"
    for run in range(5):
        results = Results(folder, KEY, 1000)
        for number in range(3):
            results.keep(f"{run}{number}", bytes(200))
        assert sizes(folder) <= 1000


def test_without_room_nothing_is_kept(tmp_path: Path) -> None:
    """A room of nothing switches it off."""
    results = Results(tmp_path / "results", KEY, 0)
    results.keep("0f3a", b"")
    assert results.take("0f3a") is None
    assert contents(tmp_path) == {}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """Whatever the umask, folder and results are open to the service's user alone."""
    old = os.umask(0)
    try:
        Results(tmp_path / "results", KEY, 1000).keep("0f3a", b"result")
    finally:
        os.umask(old)
    assert (tmp_path / "results").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "results" / "0f3a").stat().st_mode & 0o777 == 0o600


def test_many_threads_keep_the_room(tmp_path: Path) -> None:
    """Carriers keep and take at the same time: no error, nothing wrong given back, the room held in the end."""
    folder = tmp_path / "results"
    results = Results(folder, KEY, 20_000)
    failures: list[BaseException] = []
    before = open_descriptors()

    def work(number: int) -> None:
        try:
            for part in range(60):
                name = f"{number}-{part}"
                results.keep(name, name.encode() * 100)
                assert results.take(name) in (name.encode() * 100, None)
        except BaseException as failure:  # noqa: BLE001 - told by the main thread
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    results.keep("last", b"last")
    assert sizes(folder) <= 20_000
    assert open_descriptors() == before

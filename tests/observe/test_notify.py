"""What systemd hears: that the service is ready, that it lives while it does, that it stops; counts, and never a name."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import math
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st
from tests.daemon import Daemon, wait_until
from tests.rooms import CANARY
from tests.systemd import Ear

from facewarden.errors import DEADLINE
from facewarden.observe import systemd
from facewarden.observe.systemd import COUNTED, Notifier

Portrait = Callable[[int], bytes]

STATUS = re.compile("STATUS=" + ", ".join(rf"{name} \d+" for name in COUNTED))
NOTHING: dict[str, int] = {}


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    """The other end of the socket, once as a file and once as a name in the abstract namespace."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@facewarden-test-{os.getpid()}"
    with contextlib.closing(Ear(address)) as it:
        yield it


@pytest.fixture
def socket_file(tmp_path: Path) -> Iterator[Ear]:
    with contextlib.closing(Ear(str(tmp_path / "notify"))) as it:
        yield it


# One message


def test_a_message_is_a_word_and_counts(ear: Ear) -> None:
    """Systemd reads the word on one line and the status on the next."""
    Notifier(ear.address).tell("READY=1", {"published": 12, "out of reach": 1})
    message = ear.next()
    assert message
    assert message.lines == [
        "READY=1",
        "STATUS=published 12, held 0, quarantined 0, waiting 0, open 0, out of reach 1",
    ]


@given(st.dictionaries(st.sampled_from(COUNTED) | st.text(), st.integers(0, 2**63)))
def test_a_status_is_numbers_alone(counts: dict[str, int]) -> None:
    """Whatever is counted, under whatever name, a status has the fixed words, each with a number."""
    with contextlib.closing(Ear(f"@facewarden-counts-{os.getpid()}")) as ear:
        Notifier(ear.address).tell(None, counts)
        message = ear.next()
    assert message
    assert len(message.lines) == 1
    assert STATUS.fullmatch(message.lines[0])


MINE = str(os.getpid())


@pytest.mark.parametrize(
    ("environment", "interval", "watched"),
    [
        ({}, math.inf, False),
        ({"WATCHDOG_USEC": "10000000"}, math.inf, False),
        ({"NOTIFY_SOCKET": ""}, math.inf, False),
        ({"NOTIFY_SOCKET": "vsock:2:1234"}, math.inf, False),
        ({"NOTIFY_SOCKET": "/s"}, 30, False),
        ({"NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "10000000"}, 5, True),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": MINE}, 5, True),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, 30, False),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "120000000"}, 30, True),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "0"}, 30, False),
        ({"NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "soon"}, 30, False),
    ],
)
def test_the_environment_says_who_listens(environment: dict[str, str], interval: float, watched: bool) -> None:
    """The socket decides whether anything is told, the watchdog how often; one for another process is none of ours."""
    notifier = Notifier.of(environment)
    assert (notifier.interval, notifier.watched) == (interval, watched)


def test_without_a_socket_nothing_is_told() -> None:
    """Outside systemd the service neither sends nor complains."""
    with structlog.testing.capture_logs() as told:
        Notifier.of({}).tell("READY=1", NOTHING)
    assert not told


def test_a_socket_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    """A message that nobody takes is lost, and the log says why."""
    with structlog.testing.capture_logs() as told:
        Notifier(str(tmp_path / "gone")).tell("READY=1", NOTHING)
        Notifier("/" + "long" * 50).tell("READY=1", NOTHING)
    assert [line["event"] for line in told] == ["systemd_out_of_reach"] * 2
    assert told[0]["error"] == errno.ENOENT


def test_a_socket_that_is_full_stops_nothing(socket_file: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where systemd reads nothing for a while, a message waits a moment and is lost."""
    monkeypatch.setattr(systemd, "SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"noise", socket_file.address)
    with structlog.testing.capture_logs() as told:
        Notifier(socket_file.address).tell("READY=1", NOTHING)
    assert [line["event"] for line in told] == ["systemd_out_of_reach"]


# The real service


@pytest.fixture
def heard(daemon: Daemon, socket_file: Ear) -> Ear:
    """The daemon will have this end for its messages, with two seconds of patience."""
    daemon.environment = {"NOTIFY_SOCKET": socket_file.address, "WATCHDOG_USEC": "2000000"}
    return socket_file


def test_systemd_hears_a_whole_life(daemon: Daemon, heard: Ear, portrait: Portrait) -> None:
    """READY once it works, a pulse about every second, STOPPING at SIGTERM; all from the service itself, names in none."""
    daemon.drop(f"{CANARY}/{CANARY}.jpg", portrait(1))
    daemon.drop(f"{CANARY}.txt", b"no picture")
    process = daemon.spawn()
    assert heard.hear("READY=1") is heard.heard[0]
    wait_until(lambda: len(daemon.told("job")) == 2, "both files end")
    heard.clear()
    pulses = [heard.hear("WATCHDOG=1") for _ in range(4)]
    gaps = [later.time - earlier.time for earlier, later in itertools.pairwise(pulses)]
    # One that was read late makes the gap before it long and the one after it short.
    assert sum(gaps) > 0.9 * len(gaps)
    assert min(gaps) < 2
    assert "STATUS=published 1, held 0, quarantined 1, waiting 0, open 0, out of reach 0" in pulses[-1].lines
    process.send_signal(signal.SIGTERM)
    heard.hear("STOPPING=1")
    assert process.wait(30) == 0
    assert heard.next(0) is None
    assert {message.pid for message in heard.heard} == {process.pid}
    for line in itertools.chain.from_iterable(message.lines for message in heard.heard):
        words = ("READY=1", "WATCHDOG=1", "STOPPING=1", "WATCHDOG_USEC=2000000")
        assert line in words or STATUS.fullmatch(line)


def test_a_reload_is_told_and_has_a_start_s_time(daemon: Daemon, heard: Ear) -> None:
    """The watchdog hears nothing while one service follows the other: it is given more time, and its own again at the end."""
    process = daemon.spawn()
    heard.hear("READY=1")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    process.send_signal(signal.SIGHUP)
    told = dict(line.split("=", 1) for line in heard.hear("RELOADING=1").lines)
    assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert told["WATCHDOG_USEC"] == "600000000"
    assert "WATCHDOG_USEC=2000000" in heard.hear("READY=1").lines
    assert process.poll() is None


def test_workers_know_nothing_of_systemd(daemon: Daemon, heard: Ear) -> None:
    """The socket's address is not in a worker's environment."""
    if os.geteuid():
        pytest.skip("only root may look into a worker's environment")
    process = daemon.spawn()
    heard.hear("READY=1")
    workers = workers_of(process.pid)
    assert workers
    for pid in workers:
        names = {line.partition(b"=")[0] for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
        assert not names & {b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID", b"CREDENTIALS_DIRECTORY"}


def test_a_loop_that_hangs_is_silent(daemon: Daemon, heard: Ear) -> None:
    """With the loop's thread stopped and every other running the pulse stops; when the loop goes on, so does it."""
    process = daemon.spawn()
    heard.hear("READY=1")
    heard.hear("WATCHDOG=1")
    with stopped_thread(process.pid):
        heard.clear()
        assert heard.next(3) is None
    heard.hear("WATCHDOG=1")
    assert daemon.stop() == 0


@contextlib.contextmanager
def stopped_thread(thread: int) -> Iterator[None]:
    """Inside, this one thread of another process stands still, by ptrace(2); skips the test where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seize, interrupt, detach, any_thread = 0x4206, 0x4207, 17, 0x40000000
    if libc.ptrace(seize, thread, None, None):
        pytest.skip("stopping a thread of the service takes root's rights")
    assert libc.ptrace(interrupt, thread, None, None) == 0
    assert os.waitpid(thread, any_thread)[0] == thread
    try:
        yield
    finally:
        assert libc.ptrace(detach, thread, None, None) == 0


def test_a_worker_that_hangs_does_not_stop_the_pulse(daemon: Daemon, heard: Ear, portrait: Portrait) -> None:
    """A photo whose worker stands still costs its deadline and is quarantined; the service lives, and says so."""
    daemon.configure({"limits": {"seconds": 3, "attempts": 1}})
    process = daemon.spawn()
    heard.hear("READY=1")
    for worker in workers_of(process.pid):
        os.kill(worker, signal.SIGSTOP)
    daemon.drop("someone.jpg", portrait(1))
    for _ in range(3):
        heard.hear("WATCHDOG=1")
    (job,) = wait_until(lambda: daemon.told("job"), "the photo ends")
    assert job["reason"] == DEADLINE.number
    heard.hear("WATCHDOG=1")
    assert daemon.stop() == 0


def workers_of(service: int) -> list[int]:
    """Process ids of a service's workers."""
    children = Path(f"/proc/{service}/task").glob("*/children")
    return [int(pid) for file in children for pid in file.read_text().split()]

"""Every attempt of `sandbox/escapes` to break out, locked and as a control, in processes of their own."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys

import pytest

from facewarden.sandbox.escapes import ATTEMPTS, files, kernel, network, nuisances, processes
from facewarden.sandbox.escapes.runner import NOT_TRIED, OUT, run

ROOMS = (files, network, processes, kernel, nuisances)

MAY_FAIL_ANYWHERE = {
    "abort",
    "call-as-32-bit",  # kernels without 32-bit emulation, and aarch64
    "call-as-x32",  # most kernels have no x32
    "segmentation-fault",
    "sleep",
    "spin",
    "stack-overflow",
}
"""Attempts that do not get out of an unlocked process either: nuisances, and what this kernel may lack."""

MAY_NEED_ROOT = {
    "become-another-user",
    "count-events",
    "enter-namespace",
    "handle-page-faults",
    "io-uring",
    "load-bpf",
    "mount",
    "new-namespace",
    "clone-process",
    "new-root",
    "open-by-handle",
    "read-parent-memory",
    "take-parent-descriptor",
    "trace-parent",
    "type-into-terminal",
    "write-parent-memory",
    "advise-parent-memory",
}
"""Attempts that a kernel's settings may refuse to an ordinary user, or a container to anybody."""


def outcomes(room: object, mode: str) -> dict[str, str]:
    """What became of each attempt of one module, run side by side."""
    names = [name for name, attempt in ATTEMPTS.items() if sys.modules[attempt.__module__] is room]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        return dict(zip(names, threads.map(lambda name: run(name, mode), names), strict=True))


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__.rpartition(".")[2])
def test_no_attempt_gets_out(room: object) -> None:
    """Each attempt is made in a locked process and none succeeds."""
    found = outcomes(room, "bare")
    assert found
    assert not {name for name, what in found.items() if what in (OUT, NOT_TRIED)}, found


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__.rpartition(".")[2])
def test_attempts_are_real(room: object) -> None:
    """Without the lock the same attempts succeed, so that their failure proves something."""
    found = outcomes(room, "control")
    assert NOT_TRIED not in found.values()
    got_out = {name for name, what in found.items() if what == OUT}
    assert set(found) - got_out <= MAY_FAIL_ANYWHERE | MAY_NEED_ROOT, found


@pytest.mark.parametrize("name", ["open-file", "udp-datagram", "fork", "new-thread", "hoard-by-malloc"])
def test_no_attempt_gets_out_of_a_whole_worker(name: str) -> None:
    """With all libraries loaded and their threads running the lock is the same."""
    assert run(name, "locked") not in (OUT, NOT_TRIED)


def test_exit_code_tells_who_got_out() -> None:
    """The command's exit code is 0 for a contained attempt; an attempt in the control is no failure of the lock."""
    command = [sys.executable, "-I", "-m", "facewarden.sandbox.escapes", "open-file"]
    done = subprocess.run([*command, "--bare", "--control"], capture_output=True, text=True, check=False)
    assert done.stdout == "open-file\trefused (EACCES)\tgot out\n"
    assert done.returncode == 0


def test_names_are_unique() -> None:
    """No attempt hides another one of the same name."""
    count = sum(
        1
        for room in ROOMS
        for name, one in vars(room).items()
        if callable(one) and one.__module__ == room.__name__ and not name.startswith("_")
    )
    assert count == len(ATTEMPTS)

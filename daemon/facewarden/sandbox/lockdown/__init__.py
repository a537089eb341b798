"""The lock on a worker: rights given up in two steps, around the loading of its libraries.

`before_imports` leaves a process that may read program files and start threads. `before_photos` leaves one that may
compute, read its requests and write its replies. `verify` proves it. Each layer is proved as it is put on, by trying
what it alone refuses. See docs/sandbox.md for the threats, and for what each layer does without the others.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import facewarden
from facewarden.errors import SANDBOX_MISSING, CannotStart
from facewarden.protocol import Protection
from facewarden.sandbox.lockdown import landlock, limits, proofs, rules, seccomp


def before_imports(readable: Sequence[Path] = (), *, degraded_allowed: bool = False) -> Protection:
    """First step, before any library of others is imported. `readable` names files needed besides the program's own.

    Raises CannotStart: SANDBOX_MISSING where the kernel lacks a layer, unless `degraded_allowed`; SANDBOX_LEAKS where a
    layer does not hold.
    """
    with _refusal_named():
        limits.be_first_to_go()
        limits.drop_privileges()
        limits.die_with_parent()
        limits.while_loading()
        proofs.one_thread()
        version = landlock.restrict([*program_files(), *readable])
        protection = Protection(version, seccomp.restrict(rules.FIRST, seccomp.ALLOW))
    if not (protection.complete or degraded_allowed):
        raise CannotStart(SANDBOX_MISSING)
    proofs.after_first(files=version > 0, calls=protection.seccomp)
    return protection


def before_photos(memory: int, protection: Protection) -> None:
    """Last step, when all libraries are loaded and warm. `memory` is the headroom in bytes for handling a photo.

    `protection` is what `before_imports` returned. Raises CannotStart: SANDBOX_LEAKS where a layer does not hold.
    """
    with _refusal_named():
        limits.while_working(memory)
        if protection.landlock:
            landlock.restrict(())
            proofs.no_file_readable()
        limits.no_more_files()
        if protection.seccomp:
            # Last, because it refuses all that was done until here; and it binds threads that Landlock does not reach.
            seccomp.restrict(rules.second(), seccomp.KILL)


def verify(protection: Protection) -> None:
    """Try to open a file and a socket, and to start a thread. Raises CannotStart(SANDBOX_LEAKS) if one is not refused.

    That no process can be started was proved in the first step, where trying it does not kill; filters only add up.
    """
    proofs.after_second(calls=protection.seccomp)


@contextlib.contextmanager
def _refusal_named() -> Iterator[None]:
    """A kernel that refuses a lock it says it has counts as one that lacks it."""
    try:
        yield
    except OSError as error:
        raise CannotStart(SANDBOX_MISSING) from error


def program_files() -> Iterator[Path]:
    """Files and folders that the interpreter and its libraries read while they load; nothing of the user's."""
    yield from (Path(entry) for entry in sys.path if Path(entry).is_absolute())
    yield Path(sys.prefix, "pyvenv.cfg")
    yield Path(facewarden.__file__).parent
    yield from (Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder)
    yield from map(Path, LIBRARIES)
    yield from map(Path, MACHINE)


LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
"""Where the dynamic loader looks, see ld.so(8)."""

MACHINE = ("/proc/self", "/proc/cpuinfo", "/sys/devices/system/cpu", "/dev/urandom")
"""What numerical libraries ask about the machine; MediaPipe 1.2 aborts without /dev/urandom."""

"""Attempts that a lock must refuse, made by the worker itself before its first photo.

Each looks at the errno too: a refusal for another reason (no such file, no descriptor left) would prove nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from facewarden.errors import SANDBOX_LEAKS, CannotStart
from facewarden.sandbox.lockdown.calls import call

AF_UNIX: Final = 1
SOCK_STREAM: Final = 1
"""linux/socket.h and linux/net.h: a socket that every kernel has."""


def one_thread() -> None:
    """Prove that no thread was started yet: one that exists already would stay outside Landlock."""
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise CannotStart(SANDBOX_LEAKS, ("A thread was started before the lock.",))


def after_first(*, files: bool, calls: bool) -> None:
    """Prove the first step, as far as `files` (Landlock) and `calls` (seccomp) were granted."""
    if files:
        _refused("read a folder", errno.EACCES, lambda: os.open("/", os.O_RDONLY | os.O_DIRECTORY))
        _refused("write a file", errno.EACCES, lambda: os.open("/dev/null", os.O_WRONLY))
    if calls:
        _refused("open a socket", errno.EACCES, _socket)
        _refused("start a process", errno.EPERM, _process)
        # No name is given: where the filter lets it through, the kernel answers EFAULT.
        _refused("start a program", errno.EPERM, lambda: call("execve", 0, 0, 0))


def no_file_readable() -> None:
    """Prove the second Landlock by a folder that the first one allows."""
    _refused("read a folder", errno.EACCES, lambda: os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY))


def after_second(*, calls: bool) -> None:
    """Prove the whole; without seccomp it is the limit on descriptors that refuses."""
    answer = errno.EACCES if calls else errno.EMFILE
    _refused("open a file", answer, lambda: os.open("/dev/null", os.O_RDONLY))
    _refused("open a socket", answer, _socket)


def _refused(what: str, answer: int, attempt: Callable[[], object]) -> None:
    """Raise CannotStart(SANDBOX_LEAKS) unless `attempt` fails with the errno `answer`."""
    try:
        attempt()
    except OSError as error:
        if error.errno == answer:
            return
        raise CannotStart(SANDBOX_LEAKS, (f"To {what} gave errno {error.errno} instead of {answer}.",)) from error
    raise CannotStart(SANDBOX_LEAKS, (f"To {what} was not refused.",))


def _socket() -> None:
    call("socket", AF_UNIX, SOCK_STREAM, 0)


def _process() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

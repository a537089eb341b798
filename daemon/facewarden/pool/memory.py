"""The service's own memory: it holds photos, names and the key, and no other process shall look into it."""

from __future__ import annotations

import ctypes
from typing import Final

PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h, prctl(2)."""


def close_memory() -> None:
    """Refuse tracing and /proc/PID/mem to every process without root's rights, a worker of our user too; no core file.

    It lasts until a program is executed, so children start without it. Raises OSError where the kernel refuses.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_DUMPABLE, *(ctypes.c_ulong(0),) * 4):
        raise OSError(ctypes.get_errno(), "the memory of this process cannot be closed to others")

"""Attempts that are no way out but would stop the service: hoarding, spinning, sleeping, dying."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import Final

from facewarden.sandbox.escapes.scene import Scene

HEADROOM: Final = 256 * 1024 * 1024
"""Bytes that a locked child is granted for its attempt."""


def hoard_by_python(_: Scene) -> None:
    bytearray(2 * HEADROOM)


def hoard_by_malloc(_: Scene) -> None:
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    if not malloc(2 * HEADROOM):
        raise MemoryError


def hoard_in_pieces(_: Scene) -> None:
    pieces = [bytes(65536) for _piece in range(2 * HEADROOM // 65536)]
    del pieces


def spin(_: Scene) -> None:
    while True:
        pass


def sleep(_: Scene) -> None:
    time.sleep(3600)


def segmentation_fault(_: Scene) -> None:
    ctypes.string_at(0)


def abort(_: Scene) -> None:
    os.abort()


def stack_overflow(_: Scene) -> None:
    """Recursion in C: each level of a nested list takes a frame of the machine's stack."""
    nested: list[object] = []
    for _level in range(1_000_000):
        nested = [nested]
    sys.setrecursionlimit(2_000_000)
    repr(nested)

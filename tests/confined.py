"""Starts a program under the unit's filter of system calls and without writable code, as systemd does.

Called as `confined.py NUMBERS PROGRAM ARGUMENT...`, where the file NUMBERS holds the allowed calls' numbers, one a line.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import sys
from pathlib import Path

from facewarden.sandbox.lockdown import seccomp
from facewarden.sandbox.lockdown.calls import MACHINE, call

PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE = 65
MDWE_REFUSE_EXEC_GAIN = 1
"""linux/prctl.h."""


def main(numbers: Path, program: list[str]) -> None:
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with contextlib.suppress(OSError):  # Linux 6.3 and later; before, systemd filters mmap instead
        call("prctl", PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
    code = b"".join(struct.pack("=HBBI", *one) for one in filter_of([int(n) for n in numbers.read_text().split()]))
    held = ctypes.create_string_buffer(code)
    head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(held)))
    call("seccomp", seccomp.SET_MODE_FILTER, 0, ctypes.addressof(head))
    os.execv(program[0], program)


def filter_of(allowed: list[int]) -> list[seccomp.Instruction]:
    """SystemCallArchitectures=native and an allow-list with SystemCallErrorNumber=EPERM."""
    assert MACHINE
    return [
        (seccomp.LOAD, 0, 0, seccomp.ARCHITECTURE_AT),
        (seccomp.IF_EQUAL, 1, 0, seccomp.ARCHITECTURES[MACHINE]),
        (seccomp.RETURN, 0, 0, seccomp.KILL),
        (seccomp.LOAD, 0, 0, seccomp.NUMBER_AT),
        *(
            step
            for number in allowed
            for step in ((seccomp.IF_EQUAL, 0, 1, number), (seccomp.RETURN, 0, 0, seccomp.ALLOW))
        ),
        (seccomp.RETURN, 0, 0, seccomp.refuse(errno.EPERM)),
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""seccomp: which calls a process may make, as a small program that the kernel runs before each call.

Instructions: linux/filter.h and linux/bpf_common.h; actions and the record looked at: linux/seccomp.h and seccomp(2).
Filters stack: of several answers the kernel obeys the hardest, and no filter can be taken off.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from facewarden.sandbox.lockdown.calls import MACHINE, call, number

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
"""SECCOMP_RET_KILL_PROCESS: all threads end at once by SIGSYS, which no handler sees."""

SET_MODE_FILTER: Final = 1
FILTER_FLAG_TSYNC: Final = 1

ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h: by which table of numbers a call was made."""
X32_BIT: Final = 0x40000000
"""__X32_SYSCALL_BIT of asm/unistd.h: marks a second set of numbers within the x86-64 architecture."""

NUMBER_AT: Final = 0
ARCHITECTURE_AT: Final = 4
ARGUMENTS_AT: Final = 16
"""Offsets in struct seccomp_data; each argument has eight bytes, both machines put the lower four first."""

LOAD: Final = 0x20
"""BPF_LD | BPF_W | BPF_ABS: read four bytes of the record."""
AND: Final = 0x54
"""BPF_ALU | BPF_AND | BPF_K."""
IF_EQUAL: Final = 0x15
"""BPF_JMP | BPF_JEQ | BPF_K: skip as many instructions as told if equal, and if not."""
IF_ANY_BIT: Final = 0x45
"""BPF_JMP | BPF_JSET | BPF_K."""
RETURN: Final = 0x06
"""BPF_RET | BPF_K."""

Instruction = tuple[int, int, int, int]
"""Code, instructions to skip if true, to skip if false, constant."""


def refuse(number: int) -> int:
    """The action that answers a call with an errno: SECCOMP_RET_ERRNO."""
    return 0x00050000 | number


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """Holds where argument `argument` (from 0), after `mask`, is one of `values`.

    Only the lower 32 bits are looked at: every argument checked here is an int or a set of low flags to the kernel.
    """

    argument: int
    mask: int
    values: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one call: `then` if all checks hold, `otherwise` if one does not."""

    call: str
    then: int
    checks: tuple[Check, ...] = ()
    otherwise: int = KILL


def restrict(rules: Iterable[Rule], default: int) -> bool:
    """Put a filter on all threads of this process. Returns False where the kernel or machine has none.

    Needs NO_NEW_PRIVS. Raises OSError where the kernel refuses the filter itself.
    """
    if MACHINE is None or not available():
        return False
    program = assemble(rules, default, MACHINE)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
    # struct sock_fprog: the number of instructions and, after padding, their address.
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    thread = call("seccomp", SET_MODE_FILTER, FILTER_FLAG_TSYNC, ctypes.addressof(head))
    if thread != 0:
        raise OSError(f"thread {thread} could not be brought under the filter")
    return True


def available() -> bool:
    """Whether the kernel has filters: with no program it answers EFAULT instead of EINVAL or ENOSYS."""
    try:
        call("seccomp", SET_MODE_FILTER, FILTER_FLAG_TSYNC, 0)
    except OSError as error:
        return error.errno == errno.EFAULT
    return False


def assemble(rules: Iterable[Rule], default: int, machine: str) -> list[Instruction]:
    """The program: a foreign architecture or x32 kills, each rule answers for its call, `default` for the rest."""
    program: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (IF_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        program += [(IF_ANY_BIT, 0, 1, X32_BIT), (RETURN, 0, 0, KILL)]
    for rule in rules:
        found = number(rule.call, machine)
        if found is not None:
            answer = list(_answer(rule))
            program += [(IF_EQUAL, 0, len(answer), found), *answer]
    return [*program, (RETURN, 0, 0, default)]


def _answer(rule: Rule) -> Iterator[Instruction]:
    """One call's instructions; each path through them ends in a return."""
    for check in rule.checks:
        yield (LOAD, 0, 0, ARGUMENTS_AT + 8 * check.argument)
        yield (AND, 0, 0, check.mask)
        yield from _unless_one_of(check.values, rule.otherwise)
    yield (RETURN, 0, 0, rule.then)


def _unless_one_of(values: Sequence[int], otherwise: int) -> Iterator[Instruction]:
    """Go on behind these instructions if one of `values` is met, else return."""
    for place, value in enumerate(values):
        yield (IF_EQUAL, len(values) - place, 0, value)
    yield (RETURN, 0, 0, otherwise)

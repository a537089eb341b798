"""What the lock asks of the kernel, without a kernel: the tables of numbers, Landlock's masks, the filter's instructions."""

from __future__ import annotations

import errno
import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden.sandbox.lockdown import calls, landlock, rules, seccomp
from facewarden.sandbox.lockdown.seccomp import ALLOW, KILL, Instruction, refuse

HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


def behaviour(program: list[Instruction], architecture: int, number: int, arguments: list[int]) -> int:
    """What the kernel would answer: the program run as linux/filter.h describes it, on one call's record."""
    record = {0: number, 4: architecture}
    for place, argument in enumerate(arguments):
        record |= {16 + 8 * place: argument & 0xFFFFFFFF, 20 + 8 * place: argument >> 32}
    held, at = 0, 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == seccomp.RETURN:
            return constant
        if code == seccomp.LOAD:
            held = record[constant]
        elif code == seccomp.AND:
            held &= constant
        else:
            holds = held == constant if code == seccomp.IF_EQUAL else bool(held & constant)
            at += if_true if holds else if_false


# The tables


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_the_kernels(machine: str) -> None:
    """Each call's number is the one in this machine's kernel headers."""
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header.name} of {machine} is not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    found |= {"newfstatat": found.get("newfstatat", found.get("fstatat"))}
    for name in calls.CALLS:
        number = calls.number(name, machine)
        assert found.get(name) == (None if number is None else str(number)), name


@pytest.mark.parametrize(
    ("abi", "files", "net", "scopes"),
    [(1, 13, 0, 0), (2, 14, 0, 0), (3, 15, 0, 0), (4, 15, 2, 0), (5, 16, 2, 0), (6, 16, 2, 2), (7, 16, 2, 2)],
)
def test_landlock_handles_what_each_abi_knows(abi: int, files: int, net: int, scopes: int) -> None:
    """All rights that a kernel knows are refused, and none that it does not know is asked for (it would say EINVAL)."""
    known = landlock.FILE_RIGHTS, landlock.NET_RIGHTS, landlock.SCOPES
    assert [landlock._rights(kind, abi).bit_count() for kind in known] == [files, net, scopes]


def test_every_rule_names_a_known_call() -> None:
    """A rule for a call that the table lacks would be a hole or a death nobody expects."""
    for rule in (*rules.FIRST, *rules.second()):
        assert rule.call in calls.CALLS


# The filter, instruction by instruction

machines = st.sampled_from(list(calls.COLUMNS))
registers = st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6)


@given(machines, st.integers(0, 2**32 - 1), registers)
def test_second_filter_kills_by_default(machine: str, number: int, arguments: list[int]) -> None:
    """Whatever call no rule names ends the process."""
    named = {calls.number(rule.call, machine) for rule in rules.second()}
    program = seccomp.assemble(rules.second(), KILL, machine)
    if number not in named:
        assert behaviour(program, seccomp.ARCHITECTURES[machine], number, arguments) == KILL


@given(machines, st.integers(0, 2**32 - 1), st.integers(0, 500), registers)
def test_foreign_architecture_is_killed(machine: str, architecture: int, number: int, arguments: list[int]) -> None:
    """A call made by another table of numbers is never looked up in ours, and x32 counts as another table."""
    for wanted, default in ((rules.FIRST, ALLOW), (rules.second(), KILL)):
        program = seccomp.assemble(wanted, default, machine)
        if architecture != seccomp.ARCHITECTURES[machine]:
            assert behaviour(program, architecture, number, arguments) == KILL
        if machine == "x86_64":
            x32 = number | seccomp.X32_BIT
            assert behaviour(program, seccomp.ARCHITECTURES[machine], x32, arguments) == KILL


@given(machines, st.sampled_from(sorted({rule.call for rule in rules.second()})), registers)
def test_second_filter_follows_its_rules(machine: str, name: str, arguments: list[int]) -> None:
    """Each rule's answer is given exactly where its checks hold, on both machines."""
    (rule,) = (rule for rule in rules.second() if rule.call == name)
    number = calls.number(name, machine)
    if number is None:
        return
    holds = all(arguments[check.argument] & 0xFFFFFFFF & check.mask in check.values for check in rule.checks)
    program = seccomp.assemble(rules.second(), KILL, machine)
    answer = behaviour(program, seccomp.ARCHITECTURES[machine], number, arguments)
    assert answer == (rule.then if holds else rule.otherwise)


def test_nothing_allowed_makes_code_or_processes() -> None:
    """Memory that is written cannot be run, a file cannot be mapped, a process cannot be cloned."""
    program = seccomp.assemble(rules.second(), KILL, "x86_64")

    def answer(name: str, *arguments: int) -> int:
        number = calls.number(name, "x86_64")
        assert number is not None
        return behaviour(program, seccomp.ARCHITECTURES["x86_64"], number, [*arguments, *[0] * (6 - len(arguments))])

    assert answer("mmap", 0, 4096, 3, 0x22, 2**64 - 1) == ALLOW
    assert answer("mmap", 0, 4096, 7, 0x22, 2**64 - 1) == KILL
    assert answer("mmap", 0, 4096, 1, 0x02, 3) == KILL
    assert answer("mprotect", 0, 4096, 5) == KILL
    assert answer("clone", signal.SIGCHLD) == KILL
    assert answer("clone", rules.CLONE_THREAD) == refuse(errno.EAGAIN)
    assert answer("read", 3) == KILL
    assert answer("write", 0) == KILL
    assert answer("futex", 0, 128) == ALLOW
    assert answer("futex", 0, 128 | 6) == KILL  # FUTEX_LOCK_PI
    assert answer("tgkill", os.getpid() + 1) == KILL

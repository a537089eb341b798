"""Landlock: which files a process may read. Whatever no rule names is refused, writing and executing altogether.

Constants and structures: linux/landlock.h; which ABI brought what: Documentation/userspace-api/landlock.rst. A rule set
can be put on several times and each can only take more away. It binds the calling thread and threads made later;
threads that exist already are bound from ABI 8 on.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from facewarden.sandbox.lockdown.calls import call

CREATE_RULESET_VERSION: Final = 1 << 0
RULE_PATH_BENEATH: Final = 1
RESTRICT_SELF_TSYNC: Final = 1 << 3
TSYNC_SINCE: Final = 8

READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3

FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""Since which ABI how many rights on files exist; they are the lowest bits, from EXECUTE (bit 0) to IOCTL_DEV (15)."""
NET_RIGHTS: Final = {4: 2}
"""The same for TCP: bind and connect."""
SCOPES: Final = {6: 2}
"""The same for what leaves the process's own domain: abstract unix sockets and signals."""


class RulesetAttr(ctypes.Structure):
    """struct landlock_ruleset_attr: what the rule set is about, and so refuses unless a rule allows it."""

    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class PathBeneathAttr(ctypes.Structure):
    """struct landlock_path_beneath_attr: rights on one file, or on a folder and all below it."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """The kernel's version of Landlock; 0 where it has none, or where it is switched off."""
    try:
        return call("landlock_create_ruleset", 0, 0, CREATE_RULESET_VERSION)
    except OSError:  # ENOSYS, EOPNOTSUPP, or EPERM of a container's own filter: it cannot be used either way
        return 0


def restrict(readable: Iterable[Path]) -> int:
    """From now on this process may read what lies under `readable` and nothing else.

    Returns the ABI, 0 if there is none. Needs NO_NEW_PRIVS. A path that does not exist is left out. Raises OSError
    where the kernel refuses its own Landlock.
    """
    version = abi()
    if version == 0:
        return 0
    attr = RulesetAttr(_rights(FILE_RIGHTS, version), _rights(NET_RIGHTS, version), _rights(SCOPES, version))
    # A kernel knows the fields of its own ABI: it accepts longer structures whose rest is zero.
    ruleset = call("landlock_create_ruleset", ctypes.addressof(attr), ctypes.sizeof(attr), 0)
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        call("landlock_restrict_self", ruleset, RESTRICT_SELF_TSYNC if version >= TSYNC_SINCE else 0)
    finally:
        os.close(ruleset)
    return version


def _rights(since: dict[int, int], version: int) -> int:
    """All rights of one kind that this version knows, as a bit mask."""
    return (1 << max((count for abi, count in since.items() if abi <= version), default=0)) - 1


def _allow_reading(ruleset: int, path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it is not there, or not for us to see: then there is nothing to allow
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        attr = PathBeneathAttr(READ_FILE | READ_DIR if is_folder else READ_FILE, descriptor)
        call("landlock_add_rule", ruleset, RULE_PATH_BENEATH, ctypes.addressof(attr), 0)
    finally:
        os.close(descriptor)

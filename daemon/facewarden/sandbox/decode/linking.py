"""Let calls from one loaded library into another go elsewhere, by the dynamic linker's own tables.

For what a library does without being asked and cannot be told to leave. Layouts: System V ABI, chapter 5 (dynamic
linking), and `link_map` in the C library's link.h. Only data is written, so that this works where no code may be
changed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator

_NULL, _NEEDED, _PLT_SIZE, _STRINGS, _SYMBOLS, _RELOCATIONS, _RELOCATIONS_SIZE, _PLT_RELOCATIONS = (
    0,
    1,
    2,
    5,
    6,
    7,
    8,
    23,
)
"""Tags of the dynamic section."""
_RELOCATION_LENGTH = _SYMBOL_LENGTH = 24
"""Bytes of Elf64_Rela and Elf64_Sym."""
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE


class _Library(ctypes.Structure):
    """One loaded library as the linker knows it: where it lies, its file, its dynamic section, and the next one."""


_Library._fields_ = [
    ("base", ctypes.c_size_t),
    ("file", ctypes.c_char_p),
    ("section", ctypes.c_size_t),
    ("next", ctypes.POINTER(_Library)),
]


def redirect(callee: bytes, function: bytes, target: int) -> int:
    """Have every library that calls `function` of `callee` call what lies at address `target`; returns how many do.

    `callee` is how the name of that library's file begins. Both functions must take their arguments alike. What is
    loaded later is not changed.
    """
    slots = [slot for library in _libraries() for slot in _slots(library, callee, function)]
    for slot in slots:
        _write(slot, target)
    return len(slots)


def file_of(library: bytes) -> str | None:
    """The file of a loaded library whose name begins so."""
    return next(iter(files_of(library)), None)


def files_of(library: bytes) -> list[str]:
    """The files of all loaded libraries whose names begin so: each package may bring a copy of its own."""
    files = (each.file or b"" for each in _libraries())
    return [os.fsdecode(file) for file in files if file.rpartition(b"/")[2].startswith(library)]


def _libraries() -> Iterator[_Library]:
    first = ctypes.CDLL(None)._handle  # noqa: SLF001 - on Linux this is the linker's list, see dlinfo(3)
    node = ctypes.cast(first, ctypes.POINTER(_Library))
    while node:  # type: ignore[truthy-bool]  # a null pointer is false
        yield node.contents
        node = node.contents.next


def _slots(library: _Library, callee: bytes, function: bytes) -> Iterator[int]:
    """Where the library keeps the address that it calls by this name."""
    listed = list(_entries(library.section))
    entries = dict(listed)
    if _SYMBOLS not in entries or _STRINGS not in entries:
        return
    # The GNU linker has made addresses of them already, musl's leaves them relative to the library.
    symbols, strings = (_absolute(entries[tag], library.base) for tag in (_SYMBOLS, _STRINGS))
    needed = (ctypes.string_at(strings + value) for tag, value in listed if tag == _NEEDED)
    if not any(
        name.startswith(callee) for name in needed
    ):  # most have nothing to do with it and tables of great length
        return
    for table, size in ((_RELOCATIONS, _RELOCATIONS_SIZE), (_PLT_RELOCATIONS, _PLT_SIZE)):
        start = _absolute(entries.get(table, 0), library.base)
        for at in range(start, start + entries.get(size, 0), _RELOCATION_LENGTH):
            symbol = symbols + _SYMBOL_LENGTH * (_word(at + 8) >> 32)
            name = ctypes.c_uint32.from_address(symbol).value
            if name and ctypes.string_at(strings + name) == function:
                yield library.base + _word(at)


def _entries(section: int) -> Iterator[tuple[int, int]]:
    while section and (tag := _word(section)) != _NULL:
        yield tag, _word(section + 8)
        section += 16


def _absolute(address: int, base: int) -> int:
    return address if address >= base else base + address


def _word(at: int) -> int:
    return ctypes.c_uint64.from_address(at).value


def _write(slot: int, target: int) -> None:
    """Put an address into a slot, whose page the linker may have made read-only. Raises OSError."""
    page = slot - slot % mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(mmap.PAGESIZE), _READ_WRITE):
        raise OSError(ctypes.get_errno(), "the linker's table cannot be changed")
    ctypes.c_uint64.from_address(slot).value = target

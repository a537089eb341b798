"""What an attempt finds in its process: things opened before the lock, as a broken-into library might hold them."""

from __future__ import annotations

import ctypes
import dataclasses
import mmap
import os
import socket
from pathlib import Path
from typing import Final

TREASURE: Final = b"treasure"

INT_80: Final = bytes((0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3))
"""x86: mov eax, 20 (getpid in the 32-bit table); int 0x80; ret."""


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """`folder` is a scratch folder with a file `treasure`; `address` is where the parent process holds TREASURE."""

    folder: Path
    address: int
    parent: int
    file: int
    """Descriptor of a file open for reading."""
    incoming: int
    """Reading end of a pipe that holds one byte."""
    outgoing: int
    """Writing end of the same pipe."""
    datagrams: int
    """A UDP socket."""
    terminal: int
    parent_handle: int
    """Process descriptor of the parent; -1 where the kernel has none."""
    namespace: int
    code: int
    """Address of an executable page that holds INT_80."""
    page: int
    """Address of a page of data."""

    @property
    def treasure(self) -> Path:
        return self.folder / "treasure"


def set_up(folder: Path, address: int) -> Scene:
    """Open and map everything. The folder is the one that the runner made."""
    incoming, outgoing = os.pipe()
    os.write(outgoing, b"!")
    _, terminal = os.openpty()
    return Scene(
        folder=folder,
        address=address,
        parent=os.getppid(),
        file=os.open(folder / "treasure", os.O_RDONLY),
        incoming=incoming,
        outgoing=outgoing,
        datagrams=socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),
        terminal=terminal,
        parent_handle=os.pidfd_open(os.getppid()),
        namespace=os.open("/proc/self/ns/mnt", os.O_RDONLY),
        code=_page(INT_80, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
        page=_page(b"", mmap.PROT_READ | mmap.PROT_WRITE),
    )


def _page(content: bytes, rights: int) -> int:
    """Map a page that stays for the process's life, and return its address."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=rights)
    page.write(content)
    kept = ctypes.c_char.from_buffer(page)
    _pages.append(kept)
    return ctypes.addressof(kept)


_pages: list[ctypes.c_char] = []
"""Keeps the pages mapped."""

"""What the tests of the trusted rooms share: folders in real file systems, jobs, rights that bind, kills in mid-step."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from facewarden import config, files
from facewarden.files import Signature
from facewarden.intake.doors import Door
from facewarden.journal import Job, Journal
from facewarden.key import content_of

CANARY = "Anna Kowalska"
"""A name that may stand in paths and in the journal, and in no log line and no fault."""

NASTY: list[bytes] = [
    b"\xff\xfe not UTF-8.jpg",
    b"two\nlines.jpg",
    b"\x1b[31mred\x07.jpg",
    "é".encode() * 125 + b"x.jpg",  # 255 bytes
    b"\x80" * 255,
    "ｅｖｉｌ\u202egpj.exe.jpg".encode(),
    b"-rf *.jpg",
    b"'; DROP TABLE jobs; --.jpg",
]
"""File names that are legal on Linux and break careless programs."""

MEMORY = Path("/dev/shm")
"""A second file system where there is one, and a quick one."""


def inbox_in(folder: Path, **choices: Any) -> config.Inbox:
    """An inbox `photos` with all its folders made, and whatever keys of its profile are given."""
    settings = {"name": "photos", "path": folder / "inbox", "outbox": folder / "outbox"} | choices
    inbox = config.Inbox.model_validate(settings)
    roles = (inbox.folder("outbox"), inbox.folder("quarantine"), inbox.folder("hold"), inbox.folder("archive"))
    for path in (inbox.path, *roles):
        path.mkdir(exist_ok=True)
    return inbox


def load_configuration(folder: Path, whole: object) -> config.Configuration:
    """Load a configuration written as YAML into a folder; text and bytes are written as they are."""
    file = folder / "facewarden.yaml"
    if isinstance(whole, bytes):
        file.write_bytes(whole)
    else:
        file.write_text(whole if isinstance(whole, str) else yaml.safe_dump(whole), encoding="utf-8")
    return config.load(file)


def drop(inbox: config.Inbox, name: bytes, data: bytes = b"original") -> None:
    """Put a file into an inbox, its subfolders made."""
    path = os.path.join(os.fsencode(inbox.path), name)  # noqa: PTH118 - names are bytes
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "wb") as file:
        file.write(data)


def signature_of(folder: Path, name: bytes) -> Signature:
    return Signature.of(os.lstat(os.path.join(os.fsencode(folder), name)))  # noqa: PTH118


def job_of(journal: Journal, inbox: config.Inbox, name: bytes) -> Job:
    """The job that a claim of this file makes."""
    signature, path = signature_of(inbox.path, name), os.path.join(os.fsencode(inbox.path), name)  # noqa: PTH118
    with open(path, "rb") as file:
        content = content_of(journal.key, file.read())
    return journal.claim(inbox.name, name, signature, content, b"variant")


def door_of(inbox: config.Inbox) -> Door:
    """The way to an inbox's folder that stands where it always stood."""
    return functools.partial(files.folder, inbox.path)


def contents(folder: Path) -> dict[bytes, bytes]:
    """Every file below a folder, hidden ones too: its relative path and its bytes."""
    top = os.fsencode(folder)
    found = {}
    for parent, _, names in os.walk(top):
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = file.read()
    return found


def open_descriptors() -> int:
    """How many this process has open, without those of objects that earlier tests left to be collected."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.contextmanager
def second_file_system() -> Iterator[Path]:
    """A fresh folder in another file system than the tests' own; skips the test where there is none."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """A fresh folder in memory where that is possible: a journal writes through to the disk at each step."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of this size, mounted at a new folder; skips the test where that is not allowed."""
    folder.mkdir()
    size = f"size={kilobytes}k,nr_inodes=200"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system takes root's rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def bound_by_rights() -> Iterator[None]:
    """Inside, file rights bind this thread though it may be root's: without CAP_DAC_OVERRIDE and _READ_SEARCH."""
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)  # linux/capability.h, version 3; this thread
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(head, held) == 0
    fewer = (ctypes.c_uint32 * 6)(*held)
    fewer[0] &= ~0b110
    assert libc.capset(head, fewer) == 0
    try:
        yield
    finally:
        assert libc.capset(head, held) == 0


STEPS = {"open", "link", "unlink", "rename", "mkdir", "fsync", "write", "copyfileobj", "execute", "fchmod"}
"""Calls that leave a trace on a disk."""


def killed_before_step(number: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that kills itself before its step of this number; False if it ended before that."""
    child = os.fork()
    if child == 0:
        sys.setprofile(_killer(number))
        try:
            work()
        except BaseException:  # noqa: BLE001 - whatever it was, the parent is told by the exit code
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), "the work itself failed"
    return code != 0


def _killer(number: int) -> Callable[[types.FrameType, str, Any], None]:
    left = number

    def watch(frame: types.FrameType, event: str, what: Any) -> None:
        nonlocal left
        ours = str(frame.f_globals.get("__name__", "")).startswith("facewarden")
        called = event == "c_call" and getattr(what, "__name__", "") in STEPS
        renamed = event in ("call", "return") and frame.f_code.co_name == "rename_no_replace"
        if ours and (called or renamed):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    return watch


# What may happen to a file between two steps


def rewrite(path: Path) -> None:
    path.write_bytes(b"a new drop")


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def shorten(path: Path) -> None:
    os.truncate(path, 10)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace(path: Path) -> None:
    """By a file of the same bytes."""
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)


def turn_into_link(path: Path) -> None:
    path.rename(path.with_name("real.jpg"))
    path.symlink_to("real.jpg")


def turn_into_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def turn_into_socket(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening, files.folder(path.parent) as here:
        listening.bind(f"/proc/self/fd/{here}/{path.name}")  # its own path may be longer than a socket's name can be


def turn_into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def turn_parent_into_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to("real")


def turn_parent_into_file(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.touch()


SWAPS = [
    rewrite,
    touch,
    replace,
    Path.unlink,
    turn_into_link,
    turn_into_pipe,
    turn_into_socket,
    turn_into_folder,
    turn_parent_into_link,
    turn_parent_into_file,
]

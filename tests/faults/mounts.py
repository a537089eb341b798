"""File systems to break: small ones, ones that come and go, one that hangs. Each skips its test where the machine cannot."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.daemon import wait_until


def mount(folder: Path, size: str = "16m") -> None:
    """Mount a fresh file system in memory; skips the test where that is not allowed."""
    options = f"size={size},nr_inodes=20000"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting takes root's rights")


def require_namespace(*kinds: str) -> list[str]:
    """The command that starts another one in namespaces of its own (unshare(1)); skips the test where it may not."""
    command = ["unshare", *kinds]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"this machine lets nobody have namespaces of their own ({' '.join(kinds)})")
    return command


def unmount(folder: Path) -> None:
    """As a share goes away: at once, whoever has it open."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def in_memory(folder: Path, size: str = "16m") -> Iterator[Path]:
    """A file system of its own at this folder, unmounted in the end if it still is mounted."""
    mount(folder, size)
    try:
        yield folder
    finally:
        while folder.is_mount():
            unmount(folder)


def bind(source: Path, target: Path, *options: str) -> None:
    """Mount a folder a second time."""
    subprocess.run(["mount", "--bind", str(source), str(target)], check=True)
    if options:
        subprocess.run(["mount", "-o", f"remount,bind,{','.join(options)}", str(target)], check=True)


class Fuse:
    """A folder seen through FUSE, which sends no events for what happens below it, as a NAS does not."""

    def __init__(self, source: Path, target: Path) -> None:
        if not shutil.which("bindfs") or not os.access("/dev/fuse", os.R_OK | os.W_OK):
            pytest.skip("bindfs or /dev/fuse is not at hand (Debian: apt-get install bindfs fuse3)")
        self.source, self.target = source, target
        command = ["bindfs", "-f", "--no-allow-other", str(source), str(target)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: target.is_mount() or self.process.poll() is not None, "bindfs mounts")
        if not target.is_mount():
            pytest.skip("FUSE cannot be mounted here")

    def hang(self) -> None:
        """From now on every call in the mounted folder waits."""
        self.process.send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def break_off(self) -> None:
        """The server is gone: every call fails with ENOTCONN."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.answer()
        self.break_off()
        unmount(self.target)


@contextlib.contextmanager
def through_fuse(source: Path, target: Path) -> Iterator[Fuse]:
    """`source` seen at `target`."""
    fuse = Fuse(source, target)
    try:
        yield fuse
    finally:
        fuse.close()


def remount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", "-o", ",".join(("remount", *options)), str(folder)], check=True)

"""Real peers that drop photos: a Samba server with smbclient, an FTP server with a client that stalls."""

from __future__ import annotations

import contextlib
import ftplib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.daemon import PATIENCE, wait_until

PASSWORD = "for-this-test-alone"


def free_port() -> int:
    """A TCP port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Samba:
    """A share `photos` on a folder, and smbclient as the scanner that writes to it."""

    def __init__(self, folder: Path, share: Path) -> None:
        if not shutil.which("smbd") or not shutil.which("smbclient"):
            pytest.skip("smbd or smbclient is not at hand (Debian: apt-get install samba smbclient)")
        if os.geteuid():
            pytest.skip("a Samba server with guests takes root's rights")
        self.port = free_port()
        folder.mkdir()
        share.chmod(0o777)
        for parent in (folder, *share.parents):
            if parent.stat().st_uid == 0 and parent != Path("/") and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)  # guests come in as nobody
        self._file = folder / "smb.conf"
        places = "\n".join(
            f"{key} = {folder}"
            for key in (
                "private dir",
                "lock directory",
                "state directory",
                "cache directory",
                "pid directory",
                "ncalrpc dir",
            )
        )
        self._file.write_text(
            f"[global]\nsmb ports = {self.port}\ninterfaces = 127.0.0.1\nbind interfaces only = yes\n{places}\n"
            f"log file = {folder}/log\nmap to guest = Bad User\nguest account = nobody\nserver role = standalone\n"
            "disable spoolss = yes\nload printers = no\n"
            f"[photos]\npath = {share}\nguest ok = yes\nread only = no\nstrict sync = no\n"
        )
        command = ["smbd", "--foreground", "--no-process-group", f"--configfile={self._file}"]
        # In a session of its own: smbd ends with all of its process group, which would be the tests.
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        wait_until(lambda: answers(self.port) or self._process.poll() is not None, "Samba answers")
        assert self._process.poll() is None, "smbd does not start"

    def put(self, file: Path, name: str, *, slowly: bool = False) -> None:
        """Write a local file to the share, in small pieces with pauses or as fast as it goes."""
        if not slowly:
            self._client(f'put "{file}" "{name}"')
            return
        # `put -` sends what comes through the pipe, as a scanner sends a page while it reads it.
        command = [*self._command(), "-c", f'iosize 16384; put - "{name}"']
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            assert process.stdin
            data = file.read_bytes()
            for start in range(0, len(data), 16384):
                process.stdin.write(data[start : start + 16384])
                process.stdin.flush()
                threading.Event().wait(0.3)
            process.stdin.close()
            assert process.wait(PATIENCE) == 0

    def rename(self, old: str, new: str) -> None:
        self._client(f'rename "{old}" "{new}"')

    def _client(self, command: str) -> None:
        subprocess.run([*self._command(), "-c", command], check=True, capture_output=True, timeout=PATIENCE)

    def _command(self) -> list[str]:
        return ["smbclient", "//127.0.0.1/photos", "-p", str(self.port), "-N", "-s", str(self._file)]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


@contextlib.contextmanager
def samba(folder: Path, share: Path) -> Iterator[Samba]:
    """A Samba server that ends with the test."""
    server = Samba(folder, share)
    try:
        yield server
    finally:
        server.close()


SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

authorizer = DummyAuthorizer()
authorizer.add_user("scanner", sys.argv[3], sys.argv[2], perm="elradfmw")
FTPHandler.authorizer = authorizer
FTPServer(("127.0.0.1", int(sys.argv[1])), FTPHandler).serve_forever()
"""


class SlowFtp:
    """An FTP server on a folder, in a process of its own, and a client that takes its time."""

    def __init__(self, share: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-c", SERVER, str(self.port), str(share), PASSWORD]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self.port) or self._process.poll() is not None, "the FTP server answers")
        assert self._process.poll() is None, "pyftpdlib does not start"

    def send(self, name: str, data: bytes, offset: int = 0) -> None:
        """Send these bytes, from an offset of the file on: an upload that broke off is resumed."""
        with (
            contextlib.closing(self._connected()) as client,
            client.transfercmd(f"STOR {name}", offset or None) as line,
        ):
            for start in range(0, len(data), 1000):
                line.sendall(data[start : start + 1000])
                threading.Event().wait(0.1)

    def rename(self, old: str, new: str) -> None:
        with contextlib.closing(self._connected()) as client:
            client.rename(old, new)

    def _connected(self) -> ftplib.FTP:
        client = ftplib.FTP()
        client.connect("127.0.0.1", self.port, timeout=PATIENCE)
        client.login("scanner", PASSWORD)
        client.voidcmd("TYPE I")
        return client

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)


@contextlib.contextmanager
def slow_ftp(share: Path) -> Iterator[SlowFtp]:
    """An FTP server that ends with the test."""
    server = SlowFtp(share)
    try:
        yield server
    finally:
        server.close()

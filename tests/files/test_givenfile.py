"""Where a person names a pipe, a socket or a device instead of a file, that is said at once: nothing waits for it for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.daemon import Daemon
from tests.rooms import turn_into_socket

from facewarden.files import givenfile

SECONDS = 40
"""Far more than any of these commands takes where nothing waits."""


def turn_into_device(path: Path) -> None:
    path.symlink_to("/dev/zero")  # without an end, and there for every user


ODD: list[Callable[[Path], None]] = [os.mkfifo, turn_into_socket, turn_into_device]


def tell(*arguments: object, **environment: str) -> tuple[int, str]:
    """A command's exit code and all it prints."""
    command = [sys.executable, "-m", "facewarden", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SECONDS, env=os.environ | environment
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_redact_and_detect_refuse_it_and_go_on(
    tmp_path: Path, odd: Callable[[Path], None], portrait: Callable[[int], bytes]
) -> None:
    """With a reason of its own, and the photo beside it is done."""
    odd(tmp_path / "odd.jpg")
    (tmp_path / "a.jpg").write_bytes(portrait(1))
    code, said = tell("redact", tmp_path / "odd.jpg", tmp_path / "a.jpg", "-o", tmp_path / "out", "--workers", 1)
    assert code == 1
    assert "no regular file" in said
    assert "Reason:        57" in (tmp_path / "out" / "odd.jpg.facewarden.txt").read_text()
    assert (tmp_path / "out" / "a.jpg").exists()
    code, said = tell("detect", "--json", tmp_path / "odd.jpg", "--workers", 1)
    assert (code, '"reason": 57' in said) == (1, True)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
@pytest.mark.parametrize("what", ["configuration", "emblem", "weights", "key", "labels"])
def test_no_other_file_is_waited_for(daemon: Daemon, what: str, odd: Callable[[Path], None]) -> None:
    """Configuration, emblem, weights, key and labels: a sentence with the key that names it, and an exit code."""
    file, environment, command = daemon.folder / "odd", dict[str, str](), ["check", "-c", daemon.file]
    odd(file)
    if what == "configuration":
        command = ["check", "-c", file]
    elif what == "emblem":
        daemon.configure(redact={"style": "image", "emblem": "odd"})
    elif what == "weights":
        daemon.configure({"weights": {"yunet": {"path": "odd", "sha256": "0" * 64}}})
        command = ["once", "-c", daemon.file]
    elif what == "key":
        file.rename(daemon.folder / "facewarden.key")
        environment, command = {"CREDENTIALS_DIRECTORY": str(daemon.folder)}, ["once", "-c", daemon.file]
    else:
        command = ["evaluate", file]
    code, said = tell(*command, **environment)
    assert code not in (0, 1)
    assert "a pipe, a socket or a device" in said
    assert yaml.safe_load(daemon.file.read_text())


def test_a_regular_file_is_read_by_any_name(tmp_path: Path) -> None:
    """Through a link too, and no more of it than is asked for; a folder is called one."""
    (tmp_path / "real").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("real")
    assert givenfile.read(tmp_path / "link") == b"12345"
    assert givenfile.read(tmp_path / "real", 3) == b"123"
    with pytest.raises(IsADirectoryError) as refused:
        givenfile.read(tmp_path)
    assert givenfile.why(refused.value) == "Is a directory"

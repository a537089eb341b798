"""Every command under every condition of the state folder: a sentence, the right exit code, no traceback and no path in a log."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.bench.old_files import rows_of_the_past, write_rows
from tests.rooms import CANARY, small_disk

from facewarden.journal import schema

NOBODY = 65534
"""The user who owns nothing."""

COMMANDS: dict[str, list[str]] = {
    "run": [],
    "once": [],
    "once --dry-run": [],
    "check": [],
    "status --json": [],
    "explain": ["out/1.jpg"],
    "retry": ["--all"],
    "release": ["0123456789abcdef"],
    "forget": ["--days", "0"],
    "reconcile": [],
    "report --json": [],
    "report --verify": [],
}
"""Each with what is to be named behind it."""
STARTS = ("run", "once")
CHANGES = (*STARTS, "forget")
"""They write to a journal with rows that are old."""
LEDGER = ("report --verify",)
"""It looks at the ledger alone."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """What is done to the state folder, which exit code who must be refused gets, and a word of what is said then."""

    spoil: Callable[[Path], contextlib.AbstractContextManager[None]]
    code: int
    word: str
    refused: tuple[str, ...] = tuple(command for command in COMMANDS if command not in LEDGER)
    user: int | None = None


@contextlib.contextmanager
def _nothing(state: Path) -> Iterator[None]:
    yield


@contextlib.contextmanager
def _gone(state: Path) -> Iterator[None]:
    shutil.rmtree(state)
    yield


@contextlib.contextmanager
def _lost(state: Path) -> Iterator[None]:
    (state / schema.FILE).unlink()
    yield


@contextlib.contextmanager
def _damaged(state: Path) -> Iterator[None]:
    (state / schema.FILE).write_bytes(CANARY.encode() * 1000)
    yield


@contextlib.contextmanager
def _older(state: Path) -> Iterator[None]:
    (state / schema.FILE).unlink()
    with contextlib.closing(sqlite3.connect(state / schema.FILE)) as old:
        old.executescript(" ".join(schema._STEPS[:2]) + "PRAGMA user_version = 2;")
    yield


@contextlib.contextmanager
def _newer(state: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(state / schema.FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    yield


@contextlib.contextmanager
def _on_a_disk(state: Path, *, full: bool) -> Iterator[None]:
    """As a service that ended leaves it, on a disk that takes nothing more."""
    with contextlib.closing(sqlite3.connect(state / schema.FILE)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = state.rename(state.with_name("before"))
    with small_disk(state, 400):
        shutil.copytree(before, state, dirs_exist_ok=True)
        state.chmod(0o700)
        for left in state.glob(f"{schema.FILE}-*"):
            left.unlink()
        if full:
            with (state / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
        else:
            subprocess.run(["mount", "-o", "remount,ro", state], check=True)
        yield


WITHOUT_CHECK = tuple(command for command in COMMANDS if command not in ("check", *LEDGER))
CONDITIONS = {
    "without rights": Condition(_nothing, 3, "may", (*COMMANDS,), user=NOBODY),
    "lost": Condition(_lost, 5, "missing where there was one"),
    "damaged": Condition(_damaged, 5, "cannot be read"),
    "older": Condition(_older, 5, "older", tuple(name for name in WITHOUT_CHECK if name not in STARTS)),
    "newer": Condition(_newer, 5, "newer"),
    "full": Condition(lambda state: _on_a_disk(state, full=True), 3, "room", CHANGES),
    "read-only": Condition(lambda state: _on_a_disk(state, full=False), 3, "writ", (*CHANGES, "check")),
    "away": Condition(_gone, 0, "", ()),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a service that worked."""
    state = tmp_path_factory.mktemp("template") / "state"
    write_rows(state, rows_of_the_past("photos", 5))
    return state


@pytest.fixture
def folder(template: Path) -> Iterator[Path]:
    """A configuration that everybody may read, its inbox empty, its state folder for root alone."""
    with tempfile.TemporaryDirectory(prefix=f"{CANARY} ") as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name in ("in", "out"):
            (folder / name).mkdir()
        shutil.copytree(template, folder / "state")
        inbox = {"name": "photos", "path": "in", "outbox": "out"}
        fast = {"settle": 0.1, "detect": {"centerface": None, "smallest_face": 40}}
        whole = {"state": "state", "workers": 1, "defaults": fast, "inboxes": [inbox]}
        (folder / "facewarden.yaml").write_text(yaml.safe_dump(whole))
        yield folder


def told(folder: Path, command: str, user: int | None) -> tuple[int, str, str]:
    """Exit code, output and errors of a real process; one that starts to serve is ended."""
    name, *options = command.split()
    more = [str(folder / word) if "/" in word else word for word in COMMANDS[command]]
    program = [sys.executable, "-m", "facewarden", name, "-c", str(folder / "facewarden.yaml"), *options, *more]
    become = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    environment = os.environ | {"HOME": "/nonexistent", "COLUMNS": "400"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen([*become, *program], **pipes, cwd="/") as process:  # type: ignore[call-overload]
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, output, errors


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", CONDITIONS)
def test_each_command_tells_what_to_do(folder: Path, name: str, command: str) -> None:
    """What must be refused is refused in words; all else does its work, as far as it can be seen."""
    condition = CONDITIONS[name]
    if condition.user is not None and (os.geteuid() != 0 or shutil.which("setpriv") is None):
        pytest.skip("to become another user takes root's rights and setpriv")
    if command == "run" and command not in condition.refused:
        pytest.skip("it would run for ever")
    with condition.spoil(folder / "state"):
        code, output, errors = told(folder, command, condition.user)
    said = output + errors
    assert "Traceback" not in said, said
    assert CANARY not in said, said
    if command in condition.refused:
        assert code == condition.code, said
        assert condition.word in said, said
    elif command == "release":
        assert code == 1, said
    else:
        assert code in (0, 1), said

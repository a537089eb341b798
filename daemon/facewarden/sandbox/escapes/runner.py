"""The parent of an attempt: starts it as the pool starts a worker, waits, and names what became of it."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from facewarden.sandbox.escapes.scene import TREASURE

OUT: Final = "got out"
NOT_TRIED: Final = "not tried: the process did not start or could not be locked"
START_SECONDS: Final = 120.0
"""A cold start reads some 300 MB of libraries."""
SECONDS: Final = 5.0
"""How long an attempt may take; spinning and sleeping end here, as a worker's photo ends at its deadline."""

READY: Final = b"ready\n"

_treasure = ctypes.create_string_buffer(TREASURE)


def run(name: str, mode: str) -> str:
    """Make one attempt in a process of its own and tell in a few words what became of it. Modes: see `inside.main`."""
    with tempfile.TemporaryDirectory(prefix="facewarden-") as folder:
        Path(folder, "treasure").write_bytes(TREASURE)
        command = [sys.executable, "-I", "-m", "facewarden.sandbox.escapes.inside", name, mode, folder]
        process = subprocess.Popen(
            [*command, str(ctypes.addressof(_treasure))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )
        with process:
            return _outcome(process)


def _outcome(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout
    started, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    said = os.read(process.stdout.fileno(), 64) if started else b""
    try:
        rest, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return "stopped at the deadline"
    said += rest
    if not said.startswith(READY):
        return NOT_TRIED
    return _in_words(said.removeprefix(READY).decode().strip(), process.returncode)


def _in_words(said: str, code: int) -> str:
    """From what the process said, and its exit code where it said nothing."""
    if said == "out":
        return OUT
    if said:
        return f"refused ({said})"
    return f"killed ({signal.Signals(-code).name})" if code < 0 else f"ended (exit code {code})"


def _environment() -> dict[str, str]:
    """As the pool's: nothing of the operator's but where system libraries lie."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}

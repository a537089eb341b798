"""Runs code in processes that lock themselves in, over pipes and with the modules that the tests find."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PATIENCE = 50.0

NOBODY = 65534
"""A user without any right."""

BOTH_STEPS = """
    from facewarden.sandbox import lockdown
    protection = lockdown.before_imports()
    lockdown.before_photos(64 << 20, protection)
    lockdown.verify(protection)
"""


def start(code: str, interpreter: str = sys.executable, user: int | None = None) -> subprocess.Popen[bytes]:
    """A process that runs `code` over pipes, as a worker does. It finds the modules that this one finds."""
    places = [place for place in sys.path if place and Path(place).is_absolute()]
    whole = f"import sys\nsys.path[:] += {places!r}\n{textwrap.dedent(code)}"
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [interpreter, "-I", "-c", whole],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd="/",
        env={"OMP_NUM_THREADS": "1"},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def outcome(code: str) -> tuple[int, str]:
    """Exit code, negative for a signal, and what the process wrote to its output; its errors where it wrote nothing."""
    with start(code) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, (output or errors).decode().strip()


def interpreter_of_nobody() -> str:
    """An interpreter that user 65534 can run and that finds the same modules; skips the test where there is none."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    for interpreter in (sys.executable, "/usr/bin/python3"):
        try:
            with start("print(sys.version_info[:2])\nimport facewarden", interpreter, NOBODY) as process:
                said, _ = process.communicate(timeout=PATIENCE)
        except OSError:
            continue
        if process.returncode == 0 and said.decode().strip() == str(sys.version_info[:2]):
            return interpreter
    pytest.skip("no interpreter of this version can be used by another user")

"""Runs code in processes that lock themselves in, over pipes and with the modules that the tests find."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

PATIENCE = 50.0

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

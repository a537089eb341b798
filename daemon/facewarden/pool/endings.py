"""What the end of a worker means that was not ended by us."""

from __future__ import annotations

import signal

from facewarden.errors import CRASHED, DEADLINE, OUT_OF_MEMORY, REFUSED_CALL, Reason


def cause_of_death(code: int) -> Reason:
    """Why it ended; `code` as in Popen.returncode.

    SIGKILL is the kernel's in memory shortage: nobody else sends it, our own is told apart before. SIGXCPU is the end
    of RLIMIT_CPU. Any other signal, and an exit in the middle of a photo, is a crash.
    """
    by_signal = {-signal.SIGSYS: REFUSED_CALL, -signal.SIGKILL: OUT_OF_MEMORY, -signal.SIGXCPU: DEADLINE}
    return by_signal.get(code, CRASHED)

"""Why the service cannot start, or cannot go on: one named reason each, with the exit code (docs/reasons.md)."""

from __future__ import annotations

from facewarden.errors.failure import Exit, Reason

# 40-54
CONFIGURATION = Reason(
    40, "configuration", "The configuration is not valid.", "Mend the faults listed.", exit=Exit.USAGE
)
WEIGHTS_MISSING = Reason(
    41,
    "weights_missing",
    "A detector's weights are missing.",
    "Install facewarden again from a complete package.",
    exit=Exit.CANNOT_START,
)
WEIGHTS_ALTERED = Reason(
    42,
    "weights_altered",
    "A detector's weights are not the ones expected (SHA-256 differs).",
    "Install facewarden again from a complete package.",
    exit=Exit.CANNOT_START,
)
SUPPLIED_WEIGHTS = Reason(
    52,
    "supplied_weights",
    "The weights named in the configuration cannot be used.",
    "Get the file again, and mend weights in the configuration.",
    exit=Exit.CANNOT_START,
)
SYSTEM_LIBRARY = Reason(
    43,
    "system_library_missing",
    "A system library that MediaPipe needs is missing (libEGL.so.1 or libGLESv2.so.2).",
    "On Debian and Ubuntu: apt-get install libegl1 libgles2.",
    exit=Exit.CANNOT_START,
)
PYTHON_LIBRARY = Reason(
    44,
    "python_library_missing",
    "A Python library is missing or broken.",
    "Install facewarden again with its dependencies.",
    exit=Exit.CANNOT_START,
)
NO_WORKER = Reason(
    45, "no_worker", "No worker process could be started.", "Run `facewarden check` to see why.", exit=Exit.CANNOT_START
)
ALREADY_RUNNING = Reason(
    46,
    "already_running",
    "Another facewarden uses this state folder or inbox.",
    "Stop it first.",
    exit=Exit.ALREADY_RUNNING,
)
JOURNAL_DAMAGED = Reason(
    47,
    "journal_damaged",
    "The journal cannot be read, or is missing where there was one.",
    "Restore it from a backup, or move the state folder away to start anew: what was kept is then done again.",
    exit=Exit.JOURNAL,
)
JOURNAL_NEWER = Reason(
    48,
    "journal_newer",
    "The journal was written by a newer facewarden.",
    "Install that version again.",
    exit=Exit.JOURNAL,
)
JOURNAL_OLDER = Reason(
    54,
    "journal_older",
    "The journal was written by an older facewarden.",
    "Start the service once: it takes the journal over, with all that is in it.",
    exit=Exit.JOURNAL,
)
FOLDER = Reason(
    49,
    "folder_unusable",
    "A configured folder is missing or lacks a needed right.",
    "Run `facewarden check`.",
    exit=Exit.CANNOT_START,
)
SANDBOX_MISSING = Reason(
    50,
    "sandbox_missing",
    "This kernel lacks Landlock or seccomp, so a worker cannot be locked in.",
    "Use Linux 5.13 or later with both switched on, or set sandbox: degraded-allowed and accept the risk.",
    exit=Exit.CANNOT_START,
)
SANDBOX_LEAKS = Reason(
    51,
    "sandbox_leaks",
    "A locked worker could still open a file, a socket or a process.",
    "Do not use it here: report the kernel's version and what `facewarden selftest sandbox` prints.",
    exit=Exit.CANNOT_START,
)
RECALL_LOST = Reason(
    53, "recall_lost", "The search misses drawn faces.", "Deliver nothing: see `facewarden check`.", exit=Exit.RECALL
)

"""Every foreseeable failure by name: its number, its exit code, whether another try may help, and what to do.

Of a failure inside the sandbox only the number crosses the border; the sentences live here. A sentence never holds a
file name, a path or anything read from a file.
"""

from __future__ import annotations

import dataclasses
import enum


class Exit(enum.IntEnum):
    """What the process tells its caller."""

    FINE = 0
    SOME_FAILED = 1
    USAGE = 2
    CANNOT_START = 3
    ALREADY_RUNNING = 4
    JOURNAL = 5
    RECALL = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """A named failure. `number` is public and never reused; `retry` tells whether the same file may pass later."""

    number: int
    name: str
    what: str
    advice: str
    exit: Exit = Exit.SOME_FAILED
    retry: bool = False

    def sentence(self) -> str:
        return f"{self.what} {self.advice}"


REASONS: dict[int, Reason] = {}


def _reason(number: int, name: str, what: str, advice: str, **more: Exit | bool) -> Reason:
    if number in REASONS:
        raise ValueError(f"reason {number} is taken")
    REASONS[number] = Reason(number, name, what, advice, **more)  # type: ignore[arg-type]
    return REASONS[number]


# 10-19: the file itself
NOT_A_PICTURE = _reason(
    10, "not_a_picture", "The content is of no known picture format.", "Check that it is a photo; export it as JPEG."
)
NOT_ACCEPTED = _reason(
    11,
    "format_not_accepted",
    "The file is of a format that is not accepted because it cannot be decoded safely.",
    "Export it as JPEG, PNG or TIFF.",
)
DAMAGED = _reason(
    12, "damaged", "The picture is damaged and could not be decoded completely.", "Copy or export it again."
)
TRUNCATED = _reason(
    13, "truncated", "The file ends before its picture does.", "It was probably copied only in part: copy it again."
)
TOO_MANY_BYTES = _reason(
    14, "too_many_bytes", "The file is larger than the limit.", "Raise limits.megabytes, or export a smaller file."
)
TOO_MANY_PIXELS = _reason(
    15, "too_many_pixels", "The picture has more pixels than the limit.", "Raise limits.megapixels, or scale it down."
)
SIDE_TOO_LONG = _reason(
    16, "side_too_long", "A side of the picture is longer than the limit.", "Raise limits.side, or cut the picture."
)
TOO_MANY_FRAMES = _reason(
    17, "too_many_frames", "The file has more frames than the limit.", "Raise limits.frames, or split the file."
)
EMPTY = _reason(18, "empty", "The file is empty.", "Copy it again.")
UNREADABLE = _reason(
    19, "unreadable", "The file could not be read.", "Give the service the right to read it, then retry.", retry=True
)

# 20-29: the worker that handled it
CRASHED = _reason(
    20,
    "worker_crashed",
    "The worker died while it handled the file.",
    "The file may be hostile: do not open it elsewhere.",
    retry=True,
)
OUT_OF_MEMORY = _reason(
    21, "out_of_memory", "The worker ran out of memory.", "Scale the picture down, or lower limits.workers.", retry=True
)
DEADLINE = _reason(
    22, "deadline", "The file took longer than allowed.", "Raise limits.seconds, or scale the picture down.", retry=True
)
REFUSED_CALL = _reason(
    23,
    "refused_call",
    "The worker tried something the sandbox forbids and was stopped.",
    "The file may be hostile: do not open it elsewhere.",
)
BAD_REPLY = _reason(
    24,
    "bad_reply",
    "The worker's answer was malformed and was thrown away.",
    "The file may be hostile: do not open it elsewhere.",
    retry=True,
)
SEARCH_FAILED = _reason(
    25, "search_failed", "The search for faces failed.", "Retry; if it fails again, report format and size.", retry=True
)

# 30-39: the result
FACE_REMAINS = _reason(
    30, "face_remains", "Something that looks like a face was left after redaction.", "Redact this photo by hand."
)
NOT_ENCODED = _reason(
    31, "not_encoded", "The result could not be encoded in its format.", "Set output.format to jpeg or png."
)
NOT_WRITTEN = _reason(
    33,
    "not_written",
    "The result could not be written.",
    "Free some space there, or give the right to write, then do it again.",
    retry=True,
)
ZONE_OUTSIDE = _reason(
    32,
    "zone_outside",
    "A zone of the configuration lies outside this photo.",
    "Write zones.always in per cent, or give photos of this size an inbox of their own.",
)

NAME_REFUSED = _reason(
    37,
    "name_refused",
    "The folder for results takes no file of this name, or of this size.",
    "Give it a shorter name of plain letters, and see that no file stands where its folder belongs; then drop it again.",
)

# 34-36: documents
DOCUMENT_LOCKED = _reason(
    34, "document_locked", "The document opens with a password only.", "Save it without one, then drop it again."
)
DOCUMENT_DAMAGED = _reason(
    35, "document_damaged", "Not all pages of the document can be had.", "Export or print it to a new PDF."
)
DOCUMENT_TOO_LONG = _reason(
    36,
    "document_too_long",
    "The document has more pages than the limit.",
    "Raise limits.frames, or split the document.",
)

# 55-56: files of an accepted format that are whole, but stored as nobody here can read them
CODING_NOT_ACCEPTED = _reason(
    55,
    "coding_not_accepted",
    "The picture is stored in a way that is not read here: its compression, its depth or its channels are unusual.",
    "It is not known to be damaged: export it with 8 or 16 bits a channel, as JPEG, PNG or TIFF with LZW.",
)
PAGE_NOT_ACCEPTED = _reason(
    56,
    "page_not_accepted",
    "A page of the file is no picture of its own: it is the mask of another page, or several slices of a volume.",
    "It is not known to be damaged: export what is to be seen as pages of their own, without masks.",
)

# 57: what was named on the command line
NO_REGULAR_FILE = _reason(
    57,
    "no_regular_file",
    "It is no regular file but a pipe, a socket or a device.",
    "Copy what comes out of it into a file, and name that.",
)

SERVICE_ENDED = _reason(
    58,
    "service_ended",
    "The service itself ended each time in the middle of this file.",
    "It may be the file, or the machine (memory, power): retry it, and if the service ends again, report format and size.",
)

# 40-59: the service cannot start
CONFIGURATION = _reason(
    40, "configuration", "The configuration is not valid.", "Mend the faults listed.", exit=Exit.USAGE
)
WEIGHTS_MISSING = _reason(
    41,
    "weights_missing",
    "A detector's weights are missing.",
    "Install facewarden again from a complete package.",
    exit=Exit.CANNOT_START,
)
WEIGHTS_ALTERED = _reason(
    42,
    "weights_altered",
    "A detector's weights are not the ones expected (SHA-256 differs).",
    "Install facewarden again from a complete package.",
    exit=Exit.CANNOT_START,
)
SUPPLIED_WEIGHTS = _reason(
    52,
    "supplied_weights",
    "The weights named in the configuration cannot be used.",
    "Get the file again, and mend weights in the configuration.",
    exit=Exit.CANNOT_START,
)
SYSTEM_LIBRARY = _reason(
    43,
    "system_library_missing",
    "A system library that MediaPipe needs is missing (libEGL.so.1 or libGLESv2.so.2).",
    "On Debian and Ubuntu: apt-get install libegl1 libgles2.",
    exit=Exit.CANNOT_START,
)
PYTHON_LIBRARY = _reason(
    44,
    "python_library_missing",
    "A Python library is missing or broken.",
    "Install facewarden again with its dependencies.",
    exit=Exit.CANNOT_START,
)
NO_WORKER = _reason(
    45, "no_worker", "No worker process could be started.", "Run `facewarden check` to see why.", exit=Exit.CANNOT_START
)
ALREADY_RUNNING = _reason(
    46,
    "already_running",
    "Another facewarden uses this state folder or inbox.",
    "Stop it first.",
    exit=Exit.ALREADY_RUNNING,
)
JOURNAL_DAMAGED = _reason(
    47,
    "journal_damaged",
    "The journal cannot be read, or is missing where there was one.",
    "Restore it from a backup, or move the state folder away to start anew: what was kept is then done again.",
    exit=Exit.JOURNAL,
)
JOURNAL_NEWER = _reason(
    48,
    "journal_newer",
    "The journal was written by a newer facewarden.",
    "Install that version again.",
    exit=Exit.JOURNAL,
)
JOURNAL_OLDER = _reason(
    54,
    "journal_older",
    "The journal was written by an older facewarden.",
    "Start the service once: it takes the journal over, with all that is in it.",
    exit=Exit.JOURNAL,
)
FOLDER = _reason(
    49,
    "folder_unusable",
    "A configured folder is missing or lacks a needed right.",
    "Run `facewarden check`.",
    exit=Exit.CANNOT_START,
)
SANDBOX_MISSING = _reason(
    50,
    "sandbox_missing",
    "This kernel lacks Landlock or seccomp, so a worker cannot be locked in.",
    "Use Linux 5.13 or later with both switched on, or set sandbox: degraded-allowed and accept the risk.",
    exit=Exit.CANNOT_START,
)
SANDBOX_LEAKS = _reason(
    51,
    "sandbox_leaks",
    "A locked worker could still open a file, a socket or a process.",
    "Do not use it here: report the kernel's version and what `facewarden selftest sandbox` prints.",
    exit=Exit.CANNOT_START,
)
RECALL_LOST = _reason(
    53, "recall_lost", "The search misses drawn faces.", "Deliver nothing: see `facewarden check`.", exit=Exit.RECALL
)


class FacewardenError(Exception):
    """A foreseeable failure; its text is the reason's sentence, so it may be shown and logged as it is."""

    def __init__(self, reason: Reason, faults: tuple[str, ...] = ()) -> None:
        super().__init__(reason.sentence())
        self.reason = reason
        self.faults = faults
        """Lines for the operator's terminal (configuration keys and advice), never for a log."""


class FileRefused(FacewardenError):
    """This file cannot become a result: quarantine it, or try again where the reason says so."""

    def __init__(self, reason: Reason, *, page: int = 0) -> None:
        super().__init__(reason)
        self.page = page
        """The page of a document that is at fault, counted from 1; 0 where it is none, or all of them."""


class CannotStart(FacewardenError):
    """The service cannot run at all."""

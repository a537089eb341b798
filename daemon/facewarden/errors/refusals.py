"""Why a photo is refused, one named reason each (docs/reasons.md).

They end in quarantine, with a note that says what to do.
"""

from __future__ import annotations

from facewarden.errors.failure import Reason

# 10-19, 34-36, 55-57: the file itself
NOT_A_PICTURE = Reason(
    10, "not_a_picture", "The content is of no known picture format.", "Check that it is a photo; export it as JPEG."
)
NOT_ACCEPTED = Reason(
    11,
    "format_not_accepted",
    "The file is of a format that is not accepted because it cannot be decoded safely.",
    "Export it as JPEG, PNG or TIFF.",
)
DAMAGED = Reason(
    12, "damaged", "The picture is damaged and could not be decoded completely.", "Copy or export it again."
)
TRUNCATED = Reason(
    13, "truncated", "The file ends before its picture does.", "It was probably copied only in part: copy it again."
)
TOO_MANY_BYTES = Reason(
    14, "too_many_bytes", "The file is larger than the limit.", "Raise limits.megabytes, or export a smaller file."
)
TOO_MANY_PIXELS = Reason(
    15, "too_many_pixels", "The picture has more pixels than the limit.", "Raise limits.megapixels, or scale it down."
)
SIDE_TOO_LONG = Reason(
    16, "side_too_long", "A side of the picture is longer than the limit.", "Raise limits.side, or cut the picture."
)
TOO_MANY_FRAMES = Reason(
    17, "too_many_frames", "The file has more frames than the limit.", "Raise limits.frames, or split the file."
)
EMPTY = Reason(18, "empty", "The file is empty.", "Copy it again.")
UNREADABLE = Reason(
    19, "unreadable", "The file could not be read.", "Give the service the right to read it, then retry.", retry=True
)
DOCUMENT_LOCKED = Reason(
    34, "document_locked", "The document opens with a password only.", "Save it without one, then drop it again."
)
DOCUMENT_DAMAGED = Reason(
    35, "document_damaged", "Not all pages of the document can be had.", "Export or print it to a new PDF."
)
DOCUMENT_TOO_LONG = Reason(
    36,
    "document_too_long",
    "The document has more pages than the limit.",
    "Raise limits.frames, or split the document.",
)
CODING_NOT_ACCEPTED = Reason(
    55,
    "coding_not_accepted",
    "The picture is stored in a way that is not read here: its compression, its depth or its channels are unusual.",
    "It is not known to be damaged: export it with 8 or 16 bits a channel, as JPEG, PNG or TIFF with LZW.",
)
PAGE_NOT_ACCEPTED = Reason(
    56,
    "page_not_accepted",
    "A page of the file is no picture of its own: it is the mask of another page, or several slices of a volume.",
    "It is not known to be damaged: export what is to be seen as pages of their own, without masks.",
)
NO_REGULAR_FILE = Reason(
    57,
    "no_regular_file",
    "It is no regular file but a pipe, a socket or a device.",
    "Copy what comes out of it into a file, and name that.",
)

# 20-29, 58: who handled it
CRASHED = Reason(
    20,
    "worker_crashed",
    "The worker died while it handled the file.",
    "The file may be hostile: do not open it elsewhere.",
    retry=True,
)
OUT_OF_MEMORY = Reason(
    21, "out_of_memory", "The worker ran out of memory.", "Scale the picture down, or lower workers.", retry=True
)
DEADLINE = Reason(
    22, "deadline", "The file took longer than allowed.", "Raise limits.seconds, or scale the picture down.", retry=True
)
REFUSED_CALL = Reason(
    23,
    "refused_call",
    "The worker tried something the sandbox forbids and was stopped.",
    "The file may be hostile: do not open it elsewhere.",
)
BAD_REPLY = Reason(
    24,
    "bad_reply",
    "The worker's answer was malformed and was thrown away.",
    "The file may be hostile: do not open it elsewhere.",
    retry=True,
)
SEARCH_FAILED = Reason(
    25, "search_failed", "The search for faces failed.", "Retry; if it fails again, report format and size.", retry=True
)
SERVICE_ENDED = Reason(
    58,
    "service_ended",
    "The service itself ended each time in the middle of this file.",
    "It may be the file, or the machine (memory, power): retry it, and if the service ends again, report format and size.",
)

# 30-39: the result
FACE_REMAINS = Reason(
    30, "face_remains", "Something that looks like a face was left after redaction.", "Redact this photo by hand."
)
NOT_ENCODED = Reason(
    31, "not_encoded", "The result could not be encoded in its format.", "Set output.format to jpeg or png."
)
NOT_WRITTEN = Reason(
    33,
    "not_written",
    "The result could not be written.",
    "Free some space there, or give the right to write, then do it again.",
    retry=True,
)
ZONE_OUTSIDE = Reason(
    32,
    "zone_outside",
    "A zone of the configuration lies outside this photo.",
    "Write zones.always in per cent, or give photos of this size an inbox of their own.",
)
NAME_REFUSED = Reason(
    37,
    "name_refused",
    "The folder for results takes no file of this name, or of this size.",
    "Give it a shorter name of plain letters, and see that no file stands where its folder belongs; then drop it again.",
)

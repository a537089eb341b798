"""Holding: what lies beside a held result, for the person who looks at it: a note that says why it waits.

Its preview waits too: it shows what nobody has released yet, so it stays among the earlier results until then.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from facewarden import files
from facewarden.delivery.publish import FOLDER_MODE
from facewarden.files import filename
from facewarden.replies import Reply
from facewarden.values import DOCUMENTS

_SHOWN = 50
"""Pages that are named; of more the note says how many there are."""


def held_preview(job_id: str) -> str:
    """By which the preview of a held result is known among the earlier results."""
    return f"{job_id}.preview"


def write_note(job_id: str, faceless: int, reply: Reply | None, folder: Path, result: bytes) -> None:
    """Write the note beside a result that will be held, durably. Raises OSError.

    Of an earlier result there is no reply.
    """
    subfolder, _, name = result.rpartition(b"/")
    with (
        files.folder(folder) as top,
        files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as there,
        filename.asked(),
    ):
        files.write_durable(_note_name(job_id, name), _note(job_id, faceless, reply), there)


def remove_note(job_id: str, folder: Path, result: bytes) -> None:
    """Take back what `write_note` wrote, where it wrote anything: there will be no such result. Raises OSError."""
    subfolder, _, name = result.rpartition(b"/")
    note = subfolder + b"/" + _note_name(job_id, name)
    with files.folder(folder) as top:
        if files.status_of(note, top):
            with files.folder(subfolder, beneath=top) as there:
                files.unlink_if_there(_note_name(job_id, name), there)


def remove_notes(job_id: str, here: int) -> None:
    """Take away the note of a result that is no longer held, whatever number its result's name had got."""
    ending = _note_name(job_id, b"")
    with contextlib.suppress(FileNotFoundError):
        for name in files.names(here):
            if name.endswith(ending):
                files.unlink_if_there(name, here)


def _note_name(job_id: str, result: bytes) -> bytes:
    return filename.with_ending(result, b".facewarden-%s.txt" % job_id.encode())


def _note(job_id: str, faceless: int, reply: Reply | None) -> bytes:
    lines = [
        "Facewarden holds this result until a person has looked at it.",
        f"Why:        {_why(faceless, reply)}",
        f"What to do: look through it, then: facewarden release {job_id}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _why(faceless: int, reply: Reply | None) -> str:
    if reply is None:
        return f"no face was found in it, or in {faceless} of its pages"
    pages = reply.pages_without_face
    if reply.picture.format not in DOCUMENTS or len(reply.regions) == 1:
        return "no face was found in it"
    named = ", ".join(map(str, pages[:_SHOWN])) + (f" and {len(pages) - _SHOWN} more" if len(pages) > _SHOWN else "")
    return f"no face was found on page {named} of {len(reply.regions)}"

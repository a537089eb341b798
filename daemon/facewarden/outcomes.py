"""Outcomes: what each means, in one place: the folder that it leads to, and the word that people are told."""

from __future__ import annotations

from facewarden.config.models import Role

FOLDERS: dict[str | None, Role] = {"published": "outbox", "held": "hold", "quarantined": "quarantine"}
"""Where the result, or what was refused, lies after each outcome; after the others nothing lies anywhere."""

WORDS = {
    "published": "delivered",
    "held": "held",
    "quarantined": "quarantined",
    "superseded": "superseded",
    "vanished": "vanished",
}
"""`superseded`: the original was changed after it was read, and is a drop of its own since then.

`vanished`: it was taken away, renamed or written to before its result was placed: what stands there now is a drop of
its own.
"""

"""Naming: where a result, its preview or its report goes relative to its folder. Names of people must not leave by it.

A pseudonym is an HMAC-SHA256 under the service's key of the inbox's name and the path down to the step that it stands
for. So the same path always gives the same pseudonym, photos of one folder stay in one folder, equal names in different
folders look different, and nobody without the key can test whether a pseudonym stands for a name.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from itertools import accumulate

from facewarden import config

LETTERS = 16
"""Letters of a pseudonym in base32: 80 bits, so that two of a million paths share one once in 10^12 times."""


def target_path(inbox: config.Inbox, key: bytes, source: bytes) -> bytes:
    """The path that a result of `source` (relative to the inbox) asks for; a pseudonym has no suffix yet."""
    named = _named(inbox, key, source)
    return named if inbox.subfolders == "mirror" else named.rpartition(b"/")[2]


def report_path(inbox: config.Inbox, key: bytes, source: bytes) -> bytes:
    """The path of a report whose original stays in the inbox; where it moves, both keep its name."""
    return _named(inbox, key, source) + b".facewarden.txt"


def _named(inbox: config.Inbox, key: bytes, source: bytes) -> bytes:
    if inbox.names == "keep":
        return source
    paths = accumulate(source.split(b"/"), lambda above, name: above + b"/" + name)
    return b"/".join(_pseudonym(key, b"name\0" + inbox.name.encode() + b"\0" + path) for path in paths)


def _pseudonym(key: bytes, meaning: bytes) -> bytes:
    return base64.b32encode(hmac.digest(key, meaning, hashlib.sha256))[:LETTERS].lower()

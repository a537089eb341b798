"""The service's secret: content is known to the journal only under it, so that nobody can test for a known photo.

A credential of the service manager's (systemd.exec(5), LoadCredential=) goes first: then whoever gets hold of the state
folder, in a backup say, has the journal without its key. Otherwise the state folder holds it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from facewarden import files
from facewarden.errors import CONFIGURATION, CannotStart
from facewarden.files import givenfile

CREDENTIAL = "facewarden.key"
BYTES = 32
"""As long as what HMAC-SHA256 makes; a longer one is used whole."""


def read_key(state: Path) -> bytes:
    """The credential where one was given, otherwise the key in the folder `state`, made at the first start.

    Raises CannotStart(CONFIGURATION) where a credential cannot be read or is too short to be a secret.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return (folder and _given(Path(folder, CREDENTIAL))) or _own(state)


def known_key(state: Path) -> bytes | None:
    """The key for those beside the service; None where only the service has it (a credential of systemd's)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    file = state / "key"
    return (folder and _given(Path(folder, CREDENTIAL))) or (givenfile.read(file) if file.exists() else None)


def content_of(key: bytes, data: bytes | bytearray) -> bytes:
    """By which the journal knows these bytes: HMAC-SHA256, so that nobody who reads it can test for a known photo."""
    return hmac.digest(key, data, hashlib.sha256)


def content_of_file(key: bytes, descriptor: int) -> bytes:
    """The same of an open file, from its beginning. Raises OSError."""
    code = hmac.new(key, digestmod=hashlib.sha256)
    position = 0
    while chunk := os.pread(descriptor, 1 << 20, position):
        code.update(chunk)
        position += len(chunk)
    return code.digest()


def _given(credential: Path) -> bytes | None:
    """What the file holds; None where there is none.

    The unit offers the credential, and who installs it may leave it out.
    """
    try:
        key = givenfile.read(credential)
    except FileNotFoundError:
        return None
    except OSError as error:
        fault = f"credential {CREDENTIAL}: cannot be read ({givenfile.why(error)})"
        raise CannotStart(CONFIGURATION, (fault,)) from None
    if len(key) < BYTES:
        raise CannotStart(CONFIGURATION, (f"credential {CREDENTIAL}: give it at least {BYTES} random bytes",))
    return key


def _own(state: Path) -> bytes:
    file = state / "key"
    if not file.exists():
        with files.folder(state) as folder:
            files.write_durable(b"key.new", secrets.token_bytes(BYTES), folder, 0o600)
            os.rename("key.new", "key", src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
    return givenfile.read(file)

"""The service's secret: a credential where one was given, else its own, the same at every start."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from facewarden.errors import CONFIGURATION, CannotStart
from facewarden.key import BYTES, CREDENTIAL, read_key


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that systemd fills with what the unit asks for, still empty."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_without_a_credential_the_state_folder_keeps_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start makes a key that only the service's user may read; later starts find the same."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    made = read_key(tmp_path)
    assert len(made) == BYTES
    assert read_key(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_credential_that_was_not_given_is_done_without(credentials: Path, tmp_path: Path) -> None:
    """A unit may ask for a credential that nobody made: then the state folder has the key."""
    assert read_key(tmp_path) == (tmp_path / "key").read_bytes()


def test_a_credential_goes_first(credentials: Path, tmp_path: Path) -> None:
    """With a credential its bytes are the key, all of them, and none is made in the state folder."""
    (credentials / CREDENTIAL).write_bytes(b"k" * 3 * BYTES)
    assert read_key(tmp_path) == b"k" * 3 * BYTES
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("short", [b"", b"k" * (BYTES - 1)])
def test_a_short_credential_is_refused(credentials: Path, tmp_path: Path, short: bytes) -> None:
    """What is too short to be a secret is refused, with what to give instead."""
    (credentials / CREDENTIAL).write_bytes(short)
    with pytest.raises(CannotStart) as refused:
        read_key(tmp_path)
    assert refused.value.reason is CONFIGURATION
    assert refused.value.faults == (f"credential {CREDENTIAL}: give it at least {BYTES} random bytes",)


def test_a_credential_that_cannot_be_read_is_refused(credentials: Path, tmp_path: Path) -> None:
    """A credential that was given and cannot be read is no reason to go on with another key."""
    (credentials / CREDENTIAL).mkdir()
    with pytest.raises(CannotStart) as refused:
        read_key(tmp_path)
    assert "cannot be read" in refused.value.faults[0]
    assert not (tmp_path / "key").exists()

"""A folder that was taken is no other one: less than was mounted there is refused, more is taken."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tests.faults import mounts as file_systems

from facewarden import files
from facewarden.files import mounts


def taken(folder: Path) -> None:
    with files.folder(folder) as opened:
        mounts.take(folder, files.folder_id(opened), mounts.mount_of(opened).point)


def require_away(folder: Path) -> None:
    with pytest.raises(OSError, match="is away") as refused, files.folder(folder):
        pass
    assert refused.value.errno == errno.ENOMEDIUM


def test_the_bare_mount_point_is_refused(tmp_path: Path) -> None:
    """Also for a folder that would have to be made on it; mounted again it is the folder, whatever its number is by then."""
    outbox = tmp_path / "share" / "outbox"
    outbox.parent.mkdir()
    with file_systems.in_memory(outbox.parent):
        outbox.mkdir()
        taken(outbox)
        file_systems.unmount(outbox.parent)
        with pytest.raises(OSError, match="is away"):
            mounts.require_room(outbox)
        outbox.mkdir()
        require_away(outbox)
        file_systems.mount(outbox.parent)
        mounts.require_room(outbox)
        (outbox.parent / "other").mkdir()
        outbox.mkdir()
        with files.folder(outbox):
            pass


def test_what_is_mounted_later_is_taken(tmp_path: Path) -> None:
    """A share that comes after the start is believed, and from then on missed."""
    taken(tmp_path)
    with file_systems.in_memory(tmp_path):
        with files.folder(tmp_path):
            pass
        file_systems.unmount(tmp_path)
        require_away(tmp_path)


def test_another_folder_of_the_same_file_system_is_taken(tmp_path: Path) -> None:
    """Where nothing was mounted nothing can be missed: a folder that was made anew is the folder."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    taken(folder)
    folder.rename(tmp_path / "old")
    folder.mkdir()
    with files.folder(folder):
        pass

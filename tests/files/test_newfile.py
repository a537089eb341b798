"""New files: nobody sees half of one, none replaces another, and what could not be named leaves nothing."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms import NASTY, bound_by_rights, contents, open_descriptors, small_disk

from facewarden import files
from facewarden.files import Identity, filename
from facewarden.files.newfile import new_file, place

NAMES = st.one_of(
    st.binary(min_size=1, max_size=255).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")),
    st.text("aé漢😀.-", min_size=1, max_size=80).map(str.encode),
    st.sampled_from(NASTY),
).filter(lambda name: name not in (b".", b".."))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[int]:
    """Descriptor of a fresh folder; what a test opens and does not close fails it."""
    with files.folder(tmp_path) as descriptor:
        before = open_descriptors()
        yield descriptor
        assert open_descriptors() == before


@pytest.fixture(params=["nameless", "hidden"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to make a file that nobody sees: nameless, and hidden where the file system refuses O_TMPFILE."""
    real_open = os.open

    def refusing(path: str | bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real_open(path, flags, mode, dir_fd=dir_fd)

    if request.param == "hidden":
        monkeypatch.setattr(os, "open", refusing)
    return str(request.param)


def nothing(_: bytes) -> None:
    """No record."""


def publish(parent: int, name: bytes, data: bytes, record: Callable[[bytes], None] = nothing) -> bytes:
    with new_file(parent, b".temporary.part") as made:
        made.write(data)
        return place(name, parent, made.give, record)


@given(
    taken=st.sets(st.integers(0, 12)),
    kinds=st.lists(st.sampled_from(["file", "folder", "dangling"]), min_size=13, max_size=13),
    name=NAMES,
)
def test_placing_never_replaces(
    tmp_path_factory: pytest.TempPathFactory, taken: set[int], kinds: list[str], name: bytes
) -> None:
    """The first free numbered name is taken; whatever stood at the others stands there still; the last record is it."""
    folder = tmp_path_factory.mktemp("place")
    names = [one for one, _ in zip(filename.numbered_names(name), range(14), strict=False)]
    with files.folder(folder) as here:
        for number in taken:
            _occupy(names[number], kinds[number], here)
        before = {entry: os.lstat(os.path.join(os.fsencode(folder), entry)) for entry in _listed(folder)}  # noqa: PTH118
        recorded: list[bytes] = []
        placed = publish(here, name, b"result", recorded.append)
    assert placed == next(one for number, one in enumerate(names) if number not in taken) == recorded[-1]
    after = {entry: os.lstat(os.path.join(os.fsencode(folder), entry)) for entry in _listed(folder)}  # noqa: PTH118
    assert set(after) == set(before) | {placed}
    assert all(os.path.samestat(before[entry], after[entry]) for entry in before)


def _listed(folder: Path) -> list[bytes]:
    return os.listdir(os.fsencode(folder))  # noqa: PTH208 - names are bytes


def _occupy(name: bytes, kind: str, here: int) -> None:
    if kind == "file":
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=here))
    elif kind == "folder":
        os.mkdir(name, dir_fd=here)
    else:
        os.symlink(b"nowhere", name, dir_fd=here)


def test_nothing_is_visible_before_the_name(tmp_path: Path, here: int, way: str) -> None:
    """A file that is written and not yet named is seen by nobody, and is gone when it never gets a name."""
    with new_file(here, b".temporary.part") as made:
        made.write(b"half")
        assert os.listdir(here) == ([] if way == "nameless" else [".temporary.part"])
    assert os.listdir(here) == []


def test_its_identity_is_known_before_the_name(tmp_path: Path, here: int, way: str) -> None:
    """The file stands under its name with the inode that was told before, its bytes whole and rights as the umask says."""
    old = os.umask(0o027)
    try:
        with new_file(here, b".temporary.part") as made:
            made.write(b"whole")
            place(b"photo.jpg", here, made.give, nothing)
            identity = made.identity(b"content")
    finally:
        os.umask(old)
    status = (tmp_path / "photo.jpg").stat()
    assert (Identity.of(status, b"content"), status.st_mode & 0o777) == (identity, 0o640)
    assert contents(tmp_path) == {b"photo.jpg": b"whole"}


def test_a_failing_record_leaves_nothing(tmp_path: Path, here: int, way: str) -> None:
    """Where the journal cannot note a name, nothing gets that name, and no temp file stays."""

    def fail(name: bytes) -> None:
        raise OSError(errno.EIO, "no journal")

    with pytest.raises(OSError, match="no journal"):
        publish(here, b"photo.jpg", b"data", fail)
    assert os.listdir(here) == []


def test_a_name_taken_at_the_last_moment_is_not_replaced(tmp_path: Path, here: int, way: str) -> None:
    """Where another writer takes the name between the look and the naming, the next number is tried."""

    def take(name: bytes) -> None:
        if name == b"photo.jpg":
            (tmp_path / "photo.jpg").write_bytes(b"another's")

    assert publish(here, b"photo.jpg", b"ours", take) == b"photo-2.jpg"
    assert contents(tmp_path) == {b"photo.jpg": b"another's", b"photo-2.jpg": b"ours"}


def test_many_writers_of_one_name(tmp_path: Path) -> None:
    """Files placed under one name at the same time all get a place of their own."""
    data = [b"%d" % number for number in range(16)]
    with files.folder(tmp_path) as here:

        def write(number: int) -> None:
            with new_file(here, b".%d.part" % number) as made:
                made.write(data[number])
                place(b"photo.jpg", here, made.give, nothing)

        writers = [threading.Thread(target=write, args=(number,)) for number in range(len(data))]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert sorted(contents(tmp_path).values()) == sorted(data)
    assert set(contents(tmp_path)) == {
        name for name, _ in zip(filename.numbered_names(b"photo.jpg"), data, strict=False)
    }


def test_a_full_disk_leaves_nothing(tmp_path: Path, way: str) -> None:
    """Where the disk is full the error says so, nothing is visible, and its room is free again."""
    with small_disk(tmp_path / "disk", 64) as disk, files.folder(disk) as here:
        for _ in range(3):
            with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
                publish(here, b"photo.jpg", bytes(1 << 20))
            assert refused.value.errno == errno.ENOSPC
        assert contents(disk) == {}
        publish(here, b"photo.jpg", bytes(40_000))


def test_a_folder_without_rights_is_an_error(tmp_path: Path, here: int, way: str) -> None:
    """Where the service may not write, placing raises and leaves nothing."""
    tmp_path.chmod(0o500)
    with bound_by_rights(), pytest.raises(PermissionError):
        publish(here, b"photo.jpg", b"data")
    tmp_path.chmod(0o700)
    assert os.listdir(here) == []


def test_a_copy_has_the_bytes_and_rights(tmp_path: Path, here: int, way: str) -> None:
    """A copied file is the same to its last byte and has the same rights, without those to run as another user."""
    original = tmp_path / "original"
    original.write_bytes(os.urandom(3_000_000))
    original.chmod(0o4640)
    source = files.open_regular(b"original", here)
    with new_file(here, b".temporary.part") as made:
        made.copy(source)
        place(b"copy", here, made.give, nothing)
    os.close(source)
    assert (tmp_path / "copy").read_bytes() == original.read_bytes()
    assert (tmp_path / "copy").stat().st_mode & 0o7777 == 0o640

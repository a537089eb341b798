"""Moving files safely: no link followed, no file replaced, nothing half visible, no name too long."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms import NASTY, bound_by_rights, contents, open_descriptors, second_file_system

from facewarden import files
from facewarden.files import Signature, filename

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


# Folders and opening


def test_a_folder_beneath_is_reached_step_by_step(tmp_path: Path, here: int) -> None:
    """Missing steps are made where that is asked for, and are an error where it is not."""
    with pytest.raises(FileNotFoundError), files.folder(b"a/b", beneath=here):
        pass
    with files.folder(b"a//./b/", beneath=here, create_mode=0o700) as there:
        assert os.path.samestat(os.fstat(there), (tmp_path / "a" / "b").stat())


@pytest.mark.parametrize("path", [b"../x", b"a/../..", b"..", b"link/x", b"link", b"a/link", b"file/x"])
@pytest.mark.parametrize("create_mode", [None, 0o700])
def test_no_path_leads_out_of_its_folder(tmp_path: Path, path: bytes, create_mode: int | None) -> None:
    """A step up, a link at any step, or a file as a step is refused, and nothing is made behind it."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    (inside / "a").mkdir(parents=True)
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "a" / "link").symlink_to(outside)
    (inside / "file").write_bytes(b"")
    with files.folder(inside) as root:
        before = open_descriptors()
        with pytest.raises(OSError), files.folder(path, beneath=root, create_mode=create_mode):  # noqa: PT011 - several
            pass
        assert open_descriptors() == before
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe", "socket", "device"])
def test_only_a_regular_file_is_opened(tmp_path: Path, here: int, kind: str) -> None:
    """Links, folders, pipes, sockets and devices are refused at once: no hang, no read."""
    target = tmp_path / "it"
    if kind == "link":
        (tmp_path / "real").write_bytes(b"x")
        target.symlink_to("real")
    elif kind == "dangling":
        target.symlink_to("nowhere")
    elif kind == "folder":
        target.mkdir()
    elif kind == "pipe":
        os.mkfifo(target)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"/proc/self/fd/{here}/it")  # the path itself may be longer than a socket's name can be
    else:
        with files.folder(Path("/dev")) as devices, pytest.raises(OSError, match="regular"):
            files.open_regular(b"null", devices)
        return
    with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
        files.open_regular(b"it", here)
    assert refused.value.errno in (errno.ELOOP, errno.EINVAL, errno.ENXIO)


@pytest.mark.parametrize("name", NASTY, ids=repr)
def test_names_are_bytes_from_end_to_end(tmp_path: Path, here: int, name: bytes) -> None:
    """A file of any legal name is seen and opened under exactly that name."""
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=here))
    assert os.listdir(here) == [os.fsdecode(name)]
    status = files.status_of(name, here)
    assert status
    descriptor = files.open_regular(name, here)
    assert os.path.samestat(os.fstat(descriptor), status)
    os.close(descriptor)


def test_what_stands_at_a_path(tmp_path: Path, here: int) -> None:
    """A link is told as itself; nothing is told behind a link, a file or a missing folder; a closed folder is an error."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to("folder")
    status = files.status_of(b"link", here)
    assert status
    assert os.path.samestat(status, (tmp_path / "link").lstat())
    for path in (b"link/file", b"folder/file/x", b"missing", b"missing/x"):
        assert files.status_of(path, here) is None
    (tmp_path / "folder").chmod(0)
    with bound_by_rights(), pytest.raises(PermissionError):
        files.status_of(b"folder/file", here)
    (tmp_path / "folder").chmod(0o700)


@given(st.integers(0, 2**64 - 1), st.integers(-(2**70), 2**70))
def test_a_signature_fits_into_the_journal(inode: int, nanoseconds: int) -> None:
    """Whatever inode and date a file system gives, each number fits into SQLite's signed 64 bits."""
    fields = [0, inode, 0, 0, 0, 0, 5, 0, 0, 0]
    status = os.stat_result(fields, {"st_mtime_ns": nanoseconds, "st_ctime_ns": -nanoseconds})
    signature = Signature.of(status)
    assert -(2**63) <= signature.inode < 2**63
    assert -(2**63) <= signature.mtime_ns < 2**63
    assert -(2**63) <= signature.ctime_ns < 2**63
    assert signature.size == 5


# Names


@given(NAMES)
def test_numbered_names_are_legal_and_differ(name: bytes) -> None:
    """Each is at most 255 bytes and not empty, no two are the same, and the suffix stays."""
    made = [given_name for given_name, _ in zip(filename.numbered_names(name), range(120), strict=False)]
    assert made[0] == name
    assert len(set(made)) == len(made)
    assert all(0 < len(one) <= filename.NAME_BYTES and b"/" not in one for one in made)
    _, suffix = filename.split_suffix(name)
    assert all(one.endswith(suffix) for one in made)


@given(st.text("aé漢😀", min_size=0, max_size=300), st.binary(min_size=1, max_size=60))
def test_no_half_character_is_left(stem: str, ending: bytes) -> None:
    """A UTF-8 name that is cut stays UTF-8, and loses no more than it must."""
    made = filename.with_ending(stem.encode(), ending)
    kept = made.removesuffix(ending).decode()
    assert stem.startswith(kept)
    assert len(made) <= filename.NAME_BYTES
    assert kept == stem or len(kept.encode()) + len(ending) > filename.NAME_BYTES - 4


@given(st.binary(min_size=200, max_size=300), st.binary(max_size=60))
def test_a_name_that_is_not_utf_8_keeps_its_length(stem: bytes, ending: bytes) -> None:
    """However strange its bytes, a cut name never shrinks to nothing or to its suffix, which would hide it."""
    made = filename.with_ending(stem, ending)
    assert min(len(stem) + len(ending), filename.NAME_BYTES) - 3 <= len(made) <= filename.NAME_BYTES


def test_writing_durably_follows_no_link(tmp_path: Path, here: int) -> None:
    """A file of our own naming replaces what stood there, and what a link pointed at stays untouched."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (tmp_path / "key").symlink_to(victim)
    files.write_durable(b"key", b"ours", here, 0o600)
    files.write_durable(b"key", b"ours again", here, 0o600)
    assert contents(tmp_path) == {b"victim": b"untouched", b"key": b"ours again"}
    assert (tmp_path / "key").lstat().st_mode & 0o777 == 0o600


# Renaming


class OlderKernel:
    """The C library of a system whose file system cannot rename without replacing (NFS, say)."""

    def renameat2(self, *_: object) -> int:
        ctypes.set_errno(errno.EINVAL)
        return -1


@pytest.fixture(params=["renameat2", "link", "look"])
def renaming(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The three ways to rename, as a file system allows them."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if request.param != "renameat2":
        monkeypatch.setattr(files, "_libc", OlderKernel())
    if request.param == "look":
        monkeypatch.setattr(os, "link", refused)
    return str(request.param)


def test_a_rename_replaces_nothing(tmp_path: Path, here: int, renaming: str) -> None:
    """A free name is taken; a taken one, even by a dangling link, raises FileExistsError and both files stay."""
    (tmp_path / "source").write_bytes(b"ours")
    (tmp_path / "taken").write_bytes(b"another's")
    (tmp_path / "link").symlink_to("nowhere")
    for name in (b"taken", b"link"):
        with pytest.raises(FileExistsError):
            files.rename_no_replace(b"source", here, name, here)
    files.rename_no_replace(b"source", here, b"free", here)
    (tmp_path / "link").unlink()
    assert contents(tmp_path) == {b"taken": b"another's", b"free": b"ours"}


def test_a_rename_of_a_missing_file_is_an_error(tmp_path: Path, here: int, renaming: str) -> None:
    """Nothing is made where there is nothing to rename."""
    with pytest.raises(FileNotFoundError):
        files.rename_no_replace(b"missing", here, b"target", here)
    assert os.listdir(here) == []


def test_a_rename_that_cannot_remove_the_source_leaves_one_name(
    tmp_path: Path, here: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the second half of link and unlink is refused, the first half is undone: never two names for one file."""
    monkeypatch.setattr(files, "_libc", OlderKernel())
    closed, open_ = tmp_path / "closed", tmp_path / "open"
    closed.mkdir()
    open_.mkdir()
    (closed / "source").write_bytes(b"ours")
    closed.chmod(0o500)
    with files.folder(closed) as one, files.folder(open_) as other, bound_by_rights(), pytest.raises(PermissionError):
        files.rename_no_replace(b"source", one, b"target", other)
    closed.chmod(0o700)
    assert contents(tmp_path) == {b"closed/source": b"ours"}


def test_a_rename_across_file_systems_is_told(tmp_path: Path, here: int) -> None:
    """It raises EXDEV and touches nothing, so that the caller can copy."""
    (tmp_path / "source").write_bytes(b"ours")
    with second_file_system() as other:
        with files.folder(other) as there, pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
            files.rename_no_replace(b"source", here, b"target", there)
        assert refused.value.errno == errno.EXDEV
        assert contents(other) == {}
    assert contents(tmp_path) == {b"source": b"ours"}

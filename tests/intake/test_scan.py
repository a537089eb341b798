"""Scan, and the inbox between two steps of the loop: every photo is seen, nothing else is, and none goes twice."""

from __future__ import annotations

import fnmatch
import os
import socket
from pathlib import Path

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st
from tests.rooms import CANARY, NASTY, bound_by_rights, drop, inbox_in, open_descriptors, signature_of

from facewarden import config, files
from facewarden.config.profile import PhotoNames
from facewarden.files import Signature
from facewarden.intake.names import Names
from facewarden.intake.scan import look, scan

ALL = Names(config.Profile())


def found(folder: Path, names: Names = ALL, *, deep: bool = True) -> dict[bytes, Signature]:
    with files.folder(folder) as root:
        return dict(scan(root, names, deep=deep))


def names_for(*wanted: str, ignore: tuple[str, ...] = ()) -> Names:
    return Names(config.Profile(photos=PhotoNames(names=wanted, ignore=ignore)))


def test_every_photo_is_seen_with_its_signature(tmp_path: Path) -> None:
    """Files at any depth come with their path relative to the inbox and their inode, size and date."""
    inbox = inbox_in(tmp_path)
    paths = [b"a.jpg", b"deep/er/b.JPG", b"deep/c", *NASTY, b"deep/" + NASTY[0]]
    for path in paths:
        drop(inbox, path)
    assert found(inbox.path) == {path: signature_of(inbox.path, path) for path in paths}
    assert set(found(inbox.path, deep=False)) == {path for path in paths if not path.startswith(b"deep")}


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.jpg",
        ".dir/a.jpg",
        "a.jpg~",
        "~$a.jpg",
        "a.jpg.part",
        "A.JPG.PART",
        "a.crdownload",
        "Thumbs.DB",
        "@eaDir/a.jpg",
        "lost+found/a.jpg",
        "x/#recycle/a.jpg",
        ".facewarden-0f.part",
    ],
)
def test_names_that_never_count(tmp_path: Path, name: str) -> None:
    """What programs use while they write, and what disks and NAS systems keep for themselves, is left alone."""
    inbox = inbox_in(tmp_path)
    drop(inbox, name.encode())
    assert found(inbox.path) == {}
    assert not ALL.path(name.encode())


def test_only_regular_files_count_and_no_link_is_followed(tmp_path: Path) -> None:
    """Links to files and folders, pipes and sockets are not reported, whatever they are called."""
    inbox = inbox_in(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"x")
    (inbox.path / "link.jpg").symlink_to(outside / "secret.jpg")
    (inbox.path / "folder").symlink_to(outside)
    (inbox.path / "round").symlink_to(".")
    os.mkfifo(inbox.path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening, files.folder(inbox.path) as here:
        listening.bind(f"/proc/self/fd/{here}/socket.jpg")
        assert found(inbox.path) == {}
        assert look(here, b"link.jpg") is look(here, b"folder/secret.jpg") is look(here, b"pipe.jpg") is None


@given(
    patterns=st.lists(st.text("aA.*?[]!é{(^$|\\-&~", min_size=1, max_size=6), min_size=1, max_size=3),
    name=st.text("aA.é[]-&~\n", min_size=1, max_size=6),
)
def test_patterns_mean_what_a_shell_means(patterns: list[str], name: str) -> None:
    """A name counts if any pattern matches it, case ignored; no pattern breaks the others or fails."""
    names = names_for(*patterns)
    expected = any(fnmatch.fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)
    assert names.file(name) is expected


PARTS = st.sampled_from(["a", "B.jpg", ".h", "x.tmp", "@eaDir", "é"])


@given(st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=6))
def test_a_hint_and_a_scan_agree(tmp_path_factory: pytest.TempPathFactory, paths: set[str]) -> None:
    """A path that an event names counts exactly if a scan would report it."""
    folder = tmp_path_factory.mktemp("tree")
    made = set()
    for path in sorted(paths):
        file = folder / path
        if not any(parent.is_file() for parent in file.parents) and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            made.add(path.encode())
    assert set(found(folder)) == {path for path in made if ALL.path(path)}


def test_a_scan_streams(tmp_path: Path) -> None:
    """The first file is told while the rest has not been looked at, and a scan that is given up leaves nothing open."""
    inbox = inbox_in(tmp_path)
    drop(inbox, b"first.jpg")
    for number in range(20):
        drop(inbox, b"deep/%d.jpg" % number)
    before = open_descriptors()
    with files.folder(inbox.path) as root:
        walk = scan(root, ALL, deep=True)
        assert next(walk)[0] == b"first.jpg"
        drop(inbox, b"deep/late.jpg")
        assert b"deep/late.jpg" in {path for path, _ in walk}
        next(scan(root, ALL, deep=True))
    assert open_descriptors() == before


@pytest.mark.parametrize("swap", ["gone", "link", "file"])
def test_a_subfolder_swapped_during_the_walk(tmp_path: Path, swap: str) -> None:
    """Where a subfolder goes away or becomes a link in mid-walk, the walk goes on and never leaves the inbox."""
    inbox = inbox_in(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"x")
    drop(inbox, b"first.jpg")
    (inbox.path / "sub").mkdir()
    with files.folder(inbox.path) as root:
        walk = scan(root, ALL, deep=True)
        seen = [next(walk)[0]]
        (inbox.path / "sub").rmdir()
        if swap == "link":
            (inbox.path / "sub").symlink_to(outside)
        elif swap == "file":
            (inbox.path / "sub").touch()
        seen += [path for path, _ in walk]
    assert seen == [b"first.jpg"]


def test_a_closed_subfolder_stops_no_other(tmp_path: Path) -> None:
    """A subfolder that the service may not enter is told of without its name, and the photos beside it are seen."""
    inbox = inbox_in(tmp_path)
    closed = inbox.path / CANARY
    for path in (b"a.jpg", CANARY.encode() + b"/b.jpg", b"other/c.jpg"):
        drop(inbox, path)
    closed.chmod(0)
    with bound_by_rights(), structlog.testing.capture_logs() as told, files.folder(inbox.path) as root:
        assert {path for path, _ in scan(root, ALL, deep=True)} == {b"a.jpg", b"other/c.jpg"}
        assert look(root, CANARY.encode() + b"/b.jpg") is None
    closed.chmod(0o700)
    assert [entry["event"] for entry in told] == ["subfolder_closed"]
    assert CANARY not in repr(told)


def test_an_inbox_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    """Missing or closed, the inbox itself raises: what cannot be seen is not taken for gone."""
    with pytest.raises(FileNotFoundError):
        found(tmp_path / "missing")
    (tmp_path / "closed").mkdir(mode=0o300)
    with bound_by_rights(), pytest.raises(PermissionError):
        found(tmp_path / "closed")

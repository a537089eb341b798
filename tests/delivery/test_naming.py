"""Pseudonyms: the same path the same name, one folder one folder, and nothing of the name for anyone without the key."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.daemon import Daemon
from tests.rooms import NASTY, door_of, drop, inbox_in, job_of, quick_folder

from facewarden import config
from facewarden.delivery.naming import report_path, target_path
from facewarden.files.newfile import temporary_name
from facewarden.journal import Journal
from facewarden.service.recovery import recover

KEY = b"key" * 11
NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


def inbox(**choices: Any) -> config.Inbox:
    settings = {"name": "photos", "path": "/in", "outbox": "/out", "names": "pseudonym"} | choices
    return config.Inbox.model_validate(settings)


@given(PATHS)
def test_kept_names_are_kept(path: bytes) -> None:
    """`names: keep` changes nothing."""
    assert target_path(inbox(names="keep"), KEY, path) == path
    assert report_path(inbox(names="keep"), KEY, path) == path + b".facewarden.txt"


@given(PATHS)
def test_a_pseudonym_is_sixteen_letters_a_step(path: bytes) -> None:
    """As many steps as the path has, each of plain letters, the same each time."""
    named = target_path(inbox(), KEY, path)
    assert re.fullmatch(rb"[a-z2-7]{16}(/[a-z2-7]{16})*", named)
    assert named.count(b"/") == path.count(b"/")
    assert named == target_path(inbox(), KEY, path)
    assert report_path(inbox(), KEY, path) == named + b".facewarden.txt"


@given(st.lists(PATHS, min_size=2, max_size=20, unique=True))
def test_different_paths_have_different_pseudonyms(paths: list[bytes]) -> None:
    """No two originals ask for one name."""
    assert len({target_path(inbox(), KEY, path) for path in paths}) == len(paths)
    assert len({target_path(inbox(subfolders="flat"), KEY, path) for path in paths}) == len(paths)


def test_photos_of_a_folder_stay_together() -> None:
    """They share its pseudonym, and a name that appears in two folders looks different in each."""
    one, two, other = (target_path(inbox(), KEY, path) for path in (b"Anna/a.jpg", b"Anna/b.jpg", b"Otto/a.jpg"))
    assert one.split(b"/")[0] == two.split(b"/")[0] != other.split(b"/")[0]
    assert len({one.split(b"/")[1], two.split(b"/")[1], other.split(b"/")[1]}) == 3


def test_without_the_key_nothing_can_be_tested() -> None:
    """Another key, and another inbox, give other pseudonyms: a guessed name cannot be proved."""
    path = b"Anna_Kowalska.jpg"
    names = {target_path(inbox(), KEY, path), target_path(inbox(), b"other" * 9, path)}
    assert len(names | {target_path(inbox(name="press"), KEY, path)}) == 3


@pytest.mark.timeout(180)
@pytest.mark.parametrize("subfolders", ["mirror", "flat"])
def test_no_name_of_an_original_leaves(daemon: Daemon, portrait: Any, subfolders: str) -> None:
    """Results, held ones, previews and reports bear pseudonyms; a second start finds nothing to do again."""
    daemon.configure(
        {"inboxes": [{"name": "photos", "path": "inbox", "outbox": "outbox", "preview": "preview"}]},
        names="pseudonym",
        subfolders=subfolders,
    )
    for number, name in enumerate(["Anna Kowalska.jpg", "Kowalska/1.jpeg", "Kowalska/2.jpg"]):
        daemon.drop(name, portrait(number))
    daemon.drop("Kowalska/cut.jpg", portrait(9)[:-900])
    assert daemon.once() == 1
    written = [
        path for root in (daemon.outbox, daemon.quarantine, daemon.folder / "preview") for path in root.rglob("*")
    ]
    assert not [path for path in written if re.search(r"(?i)anna|kowalska|^cut|^[12]\.", path.name)]
    results = [path.relative_to(daemon.outbox) for path in daemon.results()]
    assert [path.suffix for path in results] == [".jpg"] * 3
    assert len({path.parent for path in results}) == (2 if subfolders == "mirror" else 1)
    previews = {path.relative_to(daemon.folder / "preview") for path in (daemon.folder / "preview").rglob("*.jpg")}
    assert previews == {Path(f"{path}.preview.jpg") for path in results}
    assert len(list(daemon.quarantine.rglob("*.facewarden.txt"))) == 1
    assert {path.name for path in daemon.inbox.rglob("*.jp*g")} == {"Anna Kowalska.jpg", "1.jpeg", "2.jpg", "cut.jpg"}
    assert daemon.once() == 0
    assert not daemon.told("job")


@pytest.mark.parametrize("name", NASTY)
def test_nasty_names_have_plain_pseudonyms(name: bytes) -> None:
    """Whatever bytes a name is made of."""
    assert target_path(inbox(), KEY, name).isalnum()


def test_a_crash_leaves_no_temp_file_under_a_pseudonym(tmp_path: Path) -> None:
    """Recovery finds what an interrupted attempt left in a pseudonymous folder, where files cannot be nameless."""
    with quick_folder() as state, contextlib.closing(Journal(state)) as journal:
        settings = inbox_in(tmp_path, names="pseudonym")
        drop(settings, b"Kowalska/anna.jpg")
        job = job_of(journal, settings, b"Kowalska/anna.jpg")
        for path in (target_path, report_path):
            folder, _, _ = path(settings, journal.key, job.source).rpartition(b"/")
            left = settings.outbox / os.fsdecode(folder) / os.fsdecode(temporary_name(job.id))
            left.parent.mkdir(exist_ok=True)
            left.write_bytes(b"half")
            recover(journal, {settings.name: (settings, door_of(settings))})
            assert not left.exists()

"""The configured folders: none lies in another, whatever links and mounts say, and what is unusable is told by its key."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.rooms import bound_by_rights, load_configuration

from facewarden.config import folders
from facewarden.errors import FOLDER, CannotStart

MINIMAL: dict[str, Any] = {"inboxes": [{"name": "photos", "path": "inbox", "outbox": "outbox"}]}
CANARY = "/home/Kowalska"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with an inbox and an outbox in it."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "outbox").mkdir()
    return tmp_path


def folder_faults(folder: Path, **choices: Any) -> list[str]:
    """The faults of an inbox with these choices, or of a configuration with this state folder."""
    top = {"state": choices.pop("state")} if "state" in choices else {}
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox"} | choices
    return folders.faults(load_configuration(folder, {"inboxes": [inbox]} | top))


def test_good_folders_have_no_fault(place: Path) -> None:
    """Missing folders that the service makes itself are no fault."""
    assert folder_faults(place, originals="archive", without_face="hold") == []


@pytest.mark.parametrize("made", [True, False], ids=["made", "missing"])
@pytest.mark.parametrize(
    ("choices", "keys"),
    [
        ({"outbox": "inbox"}, ("outbox", "path")),
        ({"outbox": "inbox/sub"}, ("outbox", "path")),
        ({"path": "outbox/sub"}, ("outbox", "path")),
        ({"outbox": "link"}, ("outbox", "path")),
        ({"outbox": "link/sub"}, ("outbox", "path")),
        ({"quarantine": "inbox/sub"}, ("quarantine", "path")),
        ({"quarantine": "link/sub"}, ("quarantine", "path")),
        ({"quarantine": "outbox"}, ("quarantine", "outbox")),
        ({"hold": "outbox/sub", "without_face": "hold"}, ("hold", "outbox")),
        ({"archive": "inbox/sub", "originals": "archive"}, ("archive", "path")),
        ({"hold": "sub", "archive": "sub", "originals": "archive", "without_face": "hold"}, ("hold", "archive")),
        ({"quarantine": "inbox/../sub", "hold": "sub", "without_face": "hold"}, ("quarantine", "hold")),
    ],
    ids=repr,
)
def test_folders_that_overlap_are_refused(
    place: Path, choices: dict[str, Any], keys: tuple[str, ...], made: bool
) -> None:
    """One folder in two roles, or one inside another, is refused by both keys, through links and before it exists too."""
    (place / "link").symlink_to("inbox")
    for sub in ("sub", "inbox/sub", "outbox/sub"):
        if made or choices.get("path") == sub or choices.get("outbox", "").endswith("sub"):
            (place / sub).mkdir(exist_ok=True)
    told = folder_faults(place, **choices)
    assert any(all(f"inboxes[0].{key}" in fault for key in keys) for fault in told), told


@pytest.mark.parametrize("state", ["inbox", "inbox/state", "outbox/deep/state", "."])
def test_the_state_folder_lies_apart(place: Path, state: str) -> None:
    """It is in no other folder and holds none, whether it exists or not."""
    assert any("state" in fault for fault in folder_faults(place, state=state))


def test_two_inboxes_may_share_targets_and_nothing_else(place: Path) -> None:
    """Outbox and quarantine may be one for several inboxes; an inbox is nobody else's, not even in part."""
    (place / "inbox" / "deep").mkdir()
    (place / "other").mkdir()
    shared = {"outbox": "outbox", "quarantine": "quarantine"}
    for second, fine in (("other", True), ("inbox", False), ("inbox/deep", False)):
        names = ({"name": "a", "path": "inbox"}, {"name": "b", "path": second})
        told = folders.faults(load_configuration(place, {"inboxes": [name | shared for name in names]}))
        assert (told == []) is fine, told


def test_a_bind_mount_does_not_hide_that_two_folders_are_one(place: Path) -> None:
    """The same folder mounted at two places is one folder."""
    (place / "mounted").mkdir()
    bound = subprocess.run(["mount", "--bind", place / "inbox", place / "mounted"], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("a bind mount takes root's rights")
    try:
        assert "the same folder" in "".join(folder_faults(place, outbox="mounted"))
        assert "lies inside" in "".join(folder_faults(place, quarantine="mounted/quarantine"))
    finally:
        subprocess.run(["umount", "--lazy", place / "mounted"], check=True)


def test_missing_folders_are_made_with_the_inbox_s_rights(place: Path) -> None:
    """State is the service's alone; quarantine, hold and archive are as open as the inbox they belong to."""
    (place / "inbox").chmod(0o2770)
    loaded = load_configuration(
        place, MINIMAL | {"state": "var/state", "defaults": {"originals": "archive", "without_face": "hold"}}
    )
    old = os.umask(0o077)
    try:
        folders.create_missing(loaded)
        folders.create_missing(loaded)
    finally:
        os.umask(old)
    assert (place / "var" / "state").stat().st_mode & 0o7777 == 0o700
    for role in ("quarantine", "hold", "archive"):
        assert (place / f"inbox-{role}").stat().st_mode & 0o7777 == 0o2770
    assert folders.faults(loaded) == []


@pytest.mark.parametrize(("above", "made"), [(0o2770, 0o2770), (0o770, 0o770)])
def test_a_refused_set_group_id_bit_stops_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, above: int, made: int
) -> None:
    """Where systemd refuses that bit (RestrictSUIDSGID=), a new folder has it from the folder above, or goes without."""
    (place / "inbox").chmod(0o2770)
    place.chmod(above)
    loaded = load_configuration(place, MINIMAL)
    monkeypatch.setattr(Path, "chmod", _chmod_without_the_bit)
    folders.create_missing(loaded)
    assert stat.S_IMODE((place / "inbox-quarantine").stat().st_mode) == made


def _chmod_without_the_bit(path: Path, mode: int) -> None:
    """As the kernel answers under that setting."""
    if mode & stat.S_ISGID:
        raise PermissionError(errno.EPERM, "refused")
    os.chmod(path, mode)  # noqa: PTH101 - the method itself is replaced


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("path", "missing"),
        ("path", "file"),
        ("path", "closed"),
        ("path", "closed/inside"),
        ("path", "n" * 300),
        ("outbox", "missing"),
        ("outbox", "read-only"),
        ("outbox", "closed/inside"),
        ("outbox", "file/inside"),
        ("quarantine", "missing/deep"),
        ("quarantine", "read-only/new"),
        ("quarantine", "closed/new"),
        ("quarantine", "file"),
        ("quarantine", "dangling"),
        ("quarantine", "round/new"),
        ("quarantine", "round"),
        ("state", "read-only/state"),
        ("state", "file/state"),
        ("state", "round/state"),
        ("state", "dangling/state"),
        ("state", "n" * 300 + "/state"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_by_its_key(place: Path, role: str, path: str) -> None:
    """Missing, closed, read-only, no folder at all, a link in circles: one sentence with its key and no path."""
    (place / "file").touch()
    (place / "closed" / "inside").mkdir(parents=True)
    (place / "read-only").mkdir()
    (place / "dangling").symlink_to(f"{CANARY}/nowhere")
    (place / "round").symlink_to("round")
    (place / "closed").chmod(0)
    (place / "read-only").chmod(0o500)
    with bound_by_rights():
        told = folder_faults(place, **{role: path})
    assert any(fault.startswith(("state: ", f"inboxes[0].{role}: ")) for fault in told)
    assert not any(part in repr(told) for part in (str(place), "Kowalska", "nnn"))
    (place / "closed").chmod(0o700)


def test_a_folder_that_cannot_be_made_is_told_by_its_key(place: Path) -> None:
    """What fails between the check and the making is refused by the key too, without a path."""
    loaded = load_configuration(place, MINIMAL)
    (place / "inbox-quarantine").symlink_to(CANARY)
    with pytest.raises(CannotStart) as refused:
        folders.create_missing(loaded)
    assert refused.value.reason is FOLDER
    (fault,) = refused.value.faults
    assert fault.startswith("inboxes[0].quarantine: ")
    assert "Kowalska" not in fault


@pytest.mark.parametrize("key", ["metrics", "weights", "hooks", "emblem"])
@pytest.mark.parametrize("where", ["inbox", "inbox/sub", "outbox", "inbox-quarantine", "link", "link to a file"])
def test_the_operators_files_lie_apart(place: Path, key: str, where: str) -> None:
    """In an inbox a file would be taken for a photo each time that it is written; in an outbox it would be fetched away."""
    (place / "inbox/sub").mkdir()
    (place / "inbox-quarantine").mkdir()
    (place / "link").symlink_to("inbox/sub")
    file = place / ("file.png" if where == "link to a file" else f"{where}/file.png")
    target = place / "inbox/file.png" if where == "link to a file" else file
    Image.new("RGB", (8, 8)).save(target)
    if where == "link to a file":
        file.symlink_to(target)
    given: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
        "metrics": ({"metrics": str(file)}, {}, "metrics"),
        "weights": ({"weights": {"yunet": {"path": str(file), "sha256": "0" * 64}}}, {}, "weights.yunet.path"),
        "hooks": ({}, {"hooks": {"delivered": str(file)}}, "inboxes[0].hooks.delivered"),
        "emblem": ({}, {"redact": {"style": "image", "emblem": str(file)}}, "inboxes[0].redact.emblem"),
    }
    top, choices, name = given[key]
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox"} | choices
    told = folders.faults(load_configuration(place, {"inboxes": [inbox]} | top))
    role = "outbox" if where == "outbox" else "quarantine" if where == "inbox-quarantine" else "path"
    assert told == [f"{name}: the file lies inside inboxes[0].{role}: move it out"]
    file.unlink()
    target.unlink(missing_ok=True)
    Image.new("RGB", (8, 8)).save(place / "file.png")
    text = (place / "facewarden.yaml").read_text().replace(str(file), str(place / "file.png"))
    assert folders.faults(load_configuration(place, text)) == []

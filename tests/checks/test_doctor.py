"""`facewarden doctor`: what it finds on real file systems, and that it leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.rooms import load_configuration, second_file_system, small_disk

from facewarden.checks import folder
from facewarden.checks.folder import advise, probe


def doctor(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "facewarden", "doctor", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_good_folder_gets_its_configuration(tmp_path: Path) -> None:
    """Every trial is fine, the YAML is one that `config.load` takes, and nothing is left in the folder."""
    inbox = tmp_path / "in"
    inbox.mkdir()
    done = doctor(inbox)
    assert done.returncode == 0, done.stderr
    for trial in ("events: arrive", "rename: in one step", "locks: keep", "timestamps: to the nanosecond"):
        assert trial in done.stderr
    assert not list(inbox.iterdir())
    told = yaml.safe_load(done.stdout)
    (loaded,) = load_configuration(tmp_path, told).inboxes
    assert (loaded.path, loaded.watch, loaded.settle) == (inbox, "events", 2.0)


def test_a_folder_that_is_missing_cannot_serve(tmp_path: Path) -> None:
    """Exit code 1, a sentence, no YAML."""
    done = doctor(tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is missing" in done.stderr


def test_a_small_disk_is_warned_of(tmp_path: Path) -> None:
    """Free space is told, and little of it is a warning."""
    with small_disk(tmp_path / "disk", 512) as folder:
        (space,) = [trial for trial in probe(folder) if trial.what == "free space"]
    assert space.kind == "warning"


def test_memory_as_a_folder() -> None:
    """Another type of file system is probed on its own terms."""
    with second_file_system() as folder:
        found = list(probe(folder))
        assert not [trial for trial in found if trial.kind == "fault"]
        assert advise(found).watch == "events"


def test_without_events_it_is_polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no event arrives the advice is to poll, with more time to settle."""
    monkeypatch.setattr(folder, "PATIENCE", 0.0)
    found = [trial for trial in probe(tmp_path) if trial.what != "events"]
    found.append(folder.Probe("warning", "events", "do not arrive"))
    advice = advise(found)
    assert (advice.watch, advice.settle, advice.scan_every) == ("poll", 10.0, 5.0)

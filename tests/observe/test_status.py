"""`facewarden status`: true while the service runs, when it was stopped, and when it was killed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.daemon import Daemon, wait_until
from tests.rooms import drop, inbox_in, load_configuration

from facewarden import config
from facewarden.audit import overview
from facewarden.intake.inbox import Inbox
from facewarden.observe.status import FILE, Status, write_private
from facewarden.pool import LocalPool
from facewarden.values import Recipe

Portrait = Callable[[int], bytes]


def status(daemon: Daemon, *more: str) -> tuple[int, dict[str, Any]]:
    """The command's exit code and what it tells."""
    ended = subprocess.run([*daemon.command("status"), "--json", *more], capture_output=True, text=True, check=False)
    assert not ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def told_until(daemon: Daemon, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
    """What the command would tell, once something is true of it; without a process each time, which would take its time."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found.append(overview.overview(config.load(daemon.file), time.time()))
        return bool(condition(found[-1]))

    wait_until(look, what)
    return found[-1]


def test_a_whole_life(daemon: Daemon, portrait: Portrait) -> None:
    """Never started, which a person should know; running with its counts, stopped; the counts stay."""
    daemon.drop("one.jpg", portrait(1))
    code, told = status(daemon)
    assert (code, told["state"], told["inboxes"][0]["waiting"]) == (1, "never started", 1)
    daemon.drop("words.txt", b"no picture")
    daemon.start()

    def counted(told: dict[str, Any]) -> bool:
        (inbox,) = told["inboxes"]
        return [inbox[key] for key in ("delivered", "quarantined", "waiting", "running")] == [1, 1, 0, 0]

    told = told_until(daemon, counted, "both files are counted")
    (inbox,) = told["inboxes"]
    assert (told["state"], told["workers"]) == ("running", {"wanted": 1, "alive": 1})
    assert daemon.process
    assert told["pid"] == daemon.process.pid
    assert told["sandbox"]["seccomp"] is True
    assert told["weights"] == {"blazeface": "2c3728e6da56"}
    assert told["recall"]["passed"] is True
    assert (inbox["watch"], inbox["waiting"], inbox["per_hour"], inbox["troubles"]) == ("events", 0, 2, {})
    assert daemon.stop() == 0
    code, told = status(daemon)
    assert (code, told["state"], told["pid"]) == (0, "stopped", None)
    assert (told["inboxes"][0]["delivered"], told["inboxes"][0]["quarantined"]) == (1, 1)


def test_a_killed_service_is_an_alarm(daemon: Daemon) -> None:
    """After kill -9 the last words are not believed."""
    daemon.start()
    told_until(daemon, lambda told: told["state"] == "running", "it runs")
    daemon.kill()
    code, told = status(daemon)
    assert (code, told["state"], told["workers"]) == (1, "killed", None)


def test_a_service_that_stands_still_is_an_alarm(daemon: Daemon) -> None:
    """A process that lives and has not spoken for a while is silent."""
    daemon.start()
    assert daemon.process
    told_until(daemon, lambda told: told["state"] == "running", "it runs")
    daemon.process.send_signal(signal.SIGSTOP)
    last = json.loads((daemon.folder / "state/status.json").read_text())["at"]
    told = overview.overview(config.load(daemon.file), last + overview.SILENT_AFTER + 1)
    assert told["state"] == "silent"
    daemon.process.send_signal(signal.SIGCONT)
    assert daemon.stop() == 0


def test_an_inbox_out_of_reach_is_told_by_the_name_of_its_error(daemon: Daemon) -> None:
    """Whatever the system says, the status has its word and no path; once the folder is back, all is fine."""
    daemon.start()
    away = daemon.inbox.rename(daemon.folder / "elsewhere")

    def paused(told: dict[str, Any]) -> bool:
        (inbox,) = told["inboxes"]
        return "folder_out_of_reach" in inbox["troubles"] and inbox["paused_s"] is not None

    told = told_until(daemon, paused, "the trouble is told, and when it is tried again")
    assert told["inboxes"][0]["troubles"]["folder_out_of_reach"] == "inbox ENOENT"
    assert str(daemon.folder) not in json.dumps(told)
    away.rename(daemon.inbox)
    told_until(daemon, lambda told: "folder_out_of_reach" not in told["inboxes"][0]["troubles"], "it is over")
    assert daemon.stop() == 0
    daemon.inbox.rmdir()
    code, told = status(daemon)
    assert (code, told["inboxes"][0]["troubles"]) == (1, {"folder_out_of_reach": "inbox ENOENT"})


def test_what_waits_has_an_age(daemon: Daemon, portrait: Portrait) -> None:
    """A file that settles is waiting, with the time since it was first seen."""
    daemon.configure(settle=30)
    daemon.drop("one.jpg", portrait(1))
    daemon.start()
    told = told_until(daemon, lambda told: (told["inboxes"][0]["oldest_s"] or 0) > 0.5, "it waits")
    assert told["inboxes"][0]["waiting"] == 1
    assert daemon.stop() == 0


def test_it_is_for_the_services_user_alone(daemon: Daemon) -> None:
    """What the service says of itself can be read by nobody else."""
    daemon.start()
    told_until(daemon, lambda told: told["state"] == "running", "it runs")
    assert stat.S_IMODE((daemon.folder / "state/status.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((daemon.folder / "state").stat().st_mode) == 0o700
    assert daemon.stop() == 0


def test_it_is_written_when_there_is_something_new(tmp_path: Path) -> None:
    """At most every second; every ten seconds where nothing is new, and every second while a file waits, for its age grows."""
    settings = inbox_in(tmp_path, settle=30)
    (tmp_path / "state").mkdir()
    configuration = load_configuration(tmp_path, {"state": "state", "inboxes": [settings.model_dump(mode="json")]})
    inbox = Inbox(settings, Recipe({}), "poll", lambda *_: False)
    status, file = Status(configuration, LocalPool(1), [inbox]), tmp_path / "state" / FILE

    def written(now: float) -> bool:
        file.unlink(missing_ok=True)
        status.beat(now)
        return file.exists()

    assert written(100)
    assert status.due == 110
    assert not written(100.5)
    assert status.due == 101, "what woke the loop is looked at when it is time"
    assert not written(101)
    assert (status.due, written(109.5), status.due) == (110, False, 110)
    assert not written(110)
    assert status.due == 110.5, "never a moment that has passed, or the loop would not sleep"
    assert written(110.5)
    drop(settings, b"one.jpg")
    inbox.scan(112)
    assert written(112)
    assert status.due == 113
    assert [written(moment) for moment in (112.5, 113, 114)] == [False, True, True]
    assert json.loads(file.read_text())["inboxes"]["photos"]["oldest_s"] == 2.0


def test_the_table_is_for_people_and_watch_goes_on(daemon: Daemon, portrait: Portrait) -> None:
    """A table without names; with --watch it comes again and again, until Ctrl-C ends it without a word."""
    daemon.drop("Kowalska.jpg", portrait(1))
    assert daemon.once() == 0
    command = [sys.executable, "-m", "facewarden", "status", "-c", str(daemon.file)]
    environment = os.environ | {"COLUMNS": "200"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0
    assert "photos" in ended.stdout
    assert "stopped" in ended.stdout
    assert "Kowalska" not in ended.stdout
    # Whoever starts the tests in the background may have had Ctrl-C ignored, and children inherit that.
    at_a_terminal = ["env", "--default-signal=INT", *command, "--watch"]
    with subprocess.Popen(at_a_terminal, stdout=subprocess.PIPE, text=True, env=environment) as watching:
        assert watching.stdout
        seen = 0
        while seen < 2:
            seen += "stopped" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="to give a folder to another user takes root's rights")
def test_what_root_writes_belongs_to_the_services_user(tmp_path: Path) -> None:
    """Root works in the state folder of another user, who must be able to read and replace the status afterwards."""
    os.chown(tmp_path, 65534, 65534)
    write_private(tmp_path / "status.json", b"{}")
    status = (tmp_path / "status.json").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (65534, 65534, 0o600)

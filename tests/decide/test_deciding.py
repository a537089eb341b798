"""`explain`, `retry`, `release` and `forget`, on what the real service left behind, while it runs and after."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image
from tests.daemon import Daemon, wait_until
from tests.rooms import killed_before_step, second_file_system

from facewarden import config
from facewarden.audit import chaining
from facewarden.decide.find import Found, find
from facewarden.decide.release import release
from facewarden.decide.retry import retry
from facewarden.journal import Job, read_jobs

Portrait = Callable[[int], bytes]
WORDS = b"these are words" * 20


def run(daemon: Daemon, command: str, *arguments: object) -> tuple[int, str]:
    """A command's exit code and all it prints."""
    given = [*daemon.command(command), *map(str, arguments)]
    ended = subprocess.run(given, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def jobs(daemon: Daemon) -> list[Job]:
    return list(read_jobs(daemon.folder / "state"))


def plain(daemon: Daemon, name: str, shade: int = 128) -> Path:
    """A photo without a face, dropped into the inbox."""
    file = daemon.inbox / name
    Image.new("RGB", (200, 160), (shade, shade, shade)).save(file)
    return file


def test_explain_says_what_became_of_each_file(daemon: Daemon, portrait: Portrait) -> None:
    """Delivered with its regions, quarantined with its reason and what to do, held with the way to release it."""
    daemon.configure(without_face="hold", originals="archive")
    one = daemon.drop("ward/one.jpg", portrait(1))
    bad = daemon.drop("cut.jpg", portrait(2)[:-900])
    nobody = plain(daemon, "nobody.png")
    assert daemon.once() == 1
    code, said = run(daemon, "explain", one)
    assert code == 0
    assert "delivered as ward/one.jpg" in said
    assert "1 regions" in said
    assert run(daemon, "explain", daemon.outbox / "ward/one.jpg")[1] == said
    code, said = run(daemon, "explain", bad)
    (job,) = [job for job in jobs(daemon) if job.outcome == "quarantined"]
    assert "quarantined, reason 13 (truncated)" in said
    assert "copy it again" in said
    assert f"facewarden retry {job.id}" in said
    report = next(daemon.quarantine.glob("*.txt"))
    assert run(daemon, "explain", report)[1] == said
    assert "facewarden release" in run(daemon, "explain", nobody)[1]
    assert "facewarden release" in run(daemon, "explain", daemon.hold / "nobody.png")[1]


def test_explain_says_why_a_file_waits(daemon: Daemon, portrait: Portrait) -> None:
    """Growing, ignored by name, a link, a second name, awaiting its mark, or only waiting."""
    daemon.configure(settle=900)
    fresh = daemon.drop("fresh.jpg", portrait(1))
    assert re.search(r"last change \d+ s ago, it is read after 900 s of quiet", run(daemon, "explain", fresh)[1])
    assert "Firefox" in run(daemon, "explain", daemon.drop("half.part", b"x"))[1]
    assert "QNAP" in run(daemon, "explain", daemon.drop("@recycle/gone.jpg", b"x"))[1]
    assert "photos.ignore" in run(daemon, "explain", daemon.drop(".hidden.jpg", b"x"))[1]
    assert "stands beside it" in run(daemon, "explain", daemon.drop("fresh.jpg.json", b"x"))[1]
    (daemon.inbox / "link.jpg").symlink_to(fresh)
    assert "it is a link" in run(daemon, "explain", daemon.inbox / "link.jpg")[1]
    (daemon.inbox / "second.jpg").hardlink_to(fresh)
    assert "second name" in run(daemon, "explain", fresh)[1]
    daemon.configure(photos={"done": ".done"}, settle=0.1)
    assert "photos.done" in run(daemon, "explain", daemon.drop("scan.jpg", b"x"))[1]


def test_explain_of_what_nobody_knows_says_so_by_its_exit_code(daemon: Daemon) -> None:
    """A path in no folder, a file that is not there, and one that somebody else put into an outbox: a sentence, and 1."""
    code, said = run(daemon, "explain", daemon.file)
    assert (code, "no folder of this configuration" in said) == (1, True)
    code, said = run(daemon, "explain", daemon.inbox / "gone.jpg")
    assert (code, "nothing is there" in said) == (1, True)
    (daemon.outbox / "strange.jpg").write_bytes(b"x")
    code, said = run(daemon, "explain", daemon.outbox / "strange.jpg")
    assert (code, "knows of no such file" in said) == (1, True)


@pytest.mark.parametrize("originals", ["keep", "archive"])
def test_a_retried_photo_is_taken_again_by_the_running_service(
    daemon: Daemon, portrait: Portrait, originals: str
) -> None:
    """Named by its id it goes back, without its old note, and ends anew; the journal knows it once."""
    daemon.configure(originals=originals)
    daemon.start()
    daemon.drop("words.jpg", WORDS)
    wait_until(lambda: len(daemon.told("job")) == 1, "it is quarantined")
    wait_until(lambda: [job.state for job in jobs(daemon)] == ["done"], "and done")
    (job,) = jobs(daemon)
    assert run(daemon, "retry", job.id) == (0, "1 retried\n")
    wait_until(lambda: len(daemon.told("job")) == 2, "it is taken again")
    wait_until(lambda: [job.state for job in jobs(daemon)] == ["done"], "and done")
    (again,) = jobs(daemon)
    assert again.id != job.id
    assert len([file for file in daemon.quarantine.iterdir() if file.suffix == ".txt"]) == 1
    assert daemon.stop() == 0
    assert run(daemon, "reconcile")[0] == 0


def test_retry_takes_all_or_one_by_its_path_and_replaces_nothing(daemon: Daemon, portrait: Portrait) -> None:
    """--all brings every original back under its own name, or a numbered one where that is taken; doing it again does nothing."""
    daemon.configure(originals="delete")
    for name in ("ward/one.jpg", "two.jpg", "three.jpg"):
        daemon.drop(name, WORDS + name.encode())
    assert daemon.once() == 1
    assert not (daemon.inbox / "two.jpg").exists()
    daemon.drop("two.jpg", b"another one")
    assert run(daemon, "retry", daemon.quarantine / "ward/one.jpg") == (0, "1 retried\n")
    assert (daemon.inbox / "ward/one.jpg").read_bytes() == WORDS + b"ward/one.jpg"
    assert run(daemon, "retry", "--all") == (0, "2 retried\n")
    assert (daemon.inbox / "two.jpg").read_bytes() == b"another one"
    assert (daemon.inbox / "two-2.jpg").read_bytes() == WORDS + b"two.jpg"
    assert not [file for file in daemon.quarantine.rglob("*") if file.is_file()]
    assert jobs(daemon) == []
    assert run(daemon, "retry", "--all") == (0, "0 retried\n")
    code, said = run(daemon, "retry", "0123456789abcdef")
    assert (code, said.splitlines()[0]) == (1, "0 retried")
    assert "somebody decided before" in said


def test_what_was_taken_away_is_not_retried(daemon: Daemon) -> None:
    """The journal goes on knowing what it cannot give back."""
    daemon.configure(originals="archive")
    daemon.drop("words.jpg", WORDS)
    assert daemon.once() == 1
    (daemon.quarantine / "words.jpg").unlink()
    code, said = run(daemon, "retry", "--all")
    assert code == 1
    assert "no longer where it was put" in said
    assert len(jobs(daemon)) == 1


def held(daemon: Daemon) -> Found:
    daemon.configure(without_face="hold", originals="archive")
    plain(daemon, "nobody.png")
    assert daemon.once() == 0
    (job,) = jobs(daemon)
    (found,) = find(config.load(daemon.file), job.id)
    assert found.job.outcome == "held"
    return found


def test_a_released_result_is_delivered(daemon: Daemon) -> None:
    """It leaves the hold folder for the outbox, replacing nothing, and the accounts agree; twice is once."""
    found = held(daemon)
    result = (daemon.hold / "nobody.png").read_bytes()
    (daemon.outbox / "nobody.png").write_bytes(b"somebody else's")
    assert run(daemon, "release", found.job.id) == (0, "1 released\n")
    assert (daemon.outbox / "nobody-2.png").read_bytes() == result
    assert (daemon.outbox / "nobody.png").read_bytes() == b"somebody else's"
    assert not list(daemon.hold.iterdir())
    (job,) = jobs(daemon)
    assert (job.outcome, job.target, job.state) == ("published", b"nobody-2.png", "done")
    assert run(daemon, "release", found.job.id)[0] == 1
    assert run(daemon, "reconcile")[0] == 0


def at_once(daemon: Daemon, command: str, what: str, count: int = 6) -> list[int]:
    """The same command in so many processes at the same time; their exit codes, sorted."""
    given = [*daemon.command(command), what]
    processes = [subprocess.Popen(given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]
    return sorted(process.wait() for process in processes)


def test_who_releases_at_the_same_time_delivers_once(daemon: Daemon) -> None:
    """One of them does, the others are told that it was done."""
    for number in range(3):
        shutil.rmtree(daemon.folder / "state", ignore_errors=True)
        for leftover in (*daemon.results(), *daemon.inbox.iterdir()):
            leftover.unlink()
        found = held(daemon)
        assert at_once(daemon, "release", found.job.id) == [0, 1, 1, 1, 1, 1], number
        assert [path.name for path in daemon.results()] == ["nobody.png"], number
    assert run(daemon, "reconcile")[0] == 0


def test_who_retries_at_the_same_time_does_it_once(daemon: Daemon) -> None:
    """The original is back once, and no note of it is left."""
    daemon.configure(originals="archive")
    daemon.drop("words.jpg", WORDS)
    assert daemon.once() == 1
    (job,) = jobs(daemon)
    assert at_once(daemon, "retry", job.id) == [0, 1, 1, 1, 1, 1]
    assert [path.name for path in daemon.inbox.iterdir()] == ["words.jpg"]
    assert not list(daemon.quarantine.iterdir())
    assert run(daemon, "reconcile")[0] == 0


@pytest.mark.parametrize(("originals", "then"), [("archive", "retry"), ("archive", "once"), ("keep", "once")])
def test_a_retry_that_is_killed_anywhere_is_brought_to_its_end(daemon: Daemon, originals: str, then: str) -> None:
    """By the same command, or by the service at its next start: one original, one note, and one row in the journal."""
    daemon.configure(originals=originals)
    names = [f"words-{number:02}.jpg" for number in range(40)]
    for name in names:
        daemon.drop(name, WORDS + name.encode())
    assert daemon.once() == 1
    configuration = config.load(daemon.file)
    before = {job.source.decode(): job for job in jobs(daemon)}
    for number, name in enumerate(names):  # each original's own retry is killed one step later
        (found,) = find(configuration, before[name].id)
        killed = killed_before_step(number, functools.partial(retry, configuration, found))
        if then == "retry" and [job.state for job in jobs(daemon) if job.id == found.job.id] == ["retrying"]:
            retry(configuration, found)
        if not killed:
            break
    assert 2 < number < len(names) - 1
    assert daemon.once() == 1
    after = {job.source.decode(): job for job in jobs(daemon)}
    assert sorted(after) == names
    assert {(job.state, job.outcome) for job in after.values()} == {("done", "quarantined")}
    originals_there = [*daemon.inbox.iterdir(), *daemon.quarantine.glob("*.jpg")]
    assert sorted(path.name for path in originals_there) == names
    assert len(list(daemon.quarantine.glob("*.txt"))) == len(names)
    assert after[names[number]].id != before[names[number]].id
    assert after[names[-1]].id == before[names[-1]].id
    assert run(daemon, "reconcile")[0] == 0


@pytest.mark.parametrize("across", [False, True])
def test_a_release_that_is_killed_anywhere_delivers_once(daemon: Daemon, *, across: bool) -> None:
    """Killed before each of its steps and done again: one result in the outbox, none held, the journal right."""
    with contextlib.ExitStack() as opened:
        if across:
            elsewhere = opened.enter_context(second_file_system())
            daemon.outbox.rmdir()
            daemon.outbox.symlink_to(elsewhere)
        found = held(daemon)
        configuration = config.load(daemon.file)
        number = 0
        while killed_before_step(number, functools.partial(release, configuration, found)):
            (job,) = jobs(daemon)
            if job.outcome == "held":
                release(configuration, found)
            check_released(daemon, f"killed before step {number}")
            found = hold_again(daemon, found)
            number += 1
        check_released(daemon, "not killed")
    assert number >= 3


@pytest.mark.parametrize("then", ["release", "once"])
def test_what_a_release_that_was_killed_late_left_is_tidied(daemon: Daemon, then: str) -> None:
    """The held copy and its note go, by the command or at the next start; what somebody else put there stays, and so does what is held."""
    found = held(daemon)
    result = (daemon.hold / "nobody.png").read_bytes()
    (note,) = daemon.hold.glob("*.txt")
    text = note.read_bytes()
    release(config.load(daemon.file), found)
    (daemon.hold / "nobody.png").write_bytes(result)
    (daemon.hold / "nobody-2.png").write_bytes(b"somebody else's")
    note.write_bytes(text)
    if then == "once":
        assert daemon.once() == 0
    else:
        run(daemon, "release", daemon.hold / "nobody.png")
    assert [path.name for path in daemon.hold.iterdir()] == ["nobody-2.png"]
    assert [path.name for path in daemon.results()] == ["nobody.png"]


def check_released(daemon: Daemon, when: str) -> None:
    (job,) = jobs(daemon)
    assert (job.outcome, job.target) == ("published", b"nobody.png"), when
    assert [path.name for path in daemon.results()] == ["nobody.png"], when


def hold_again(daemon: Daemon, found: Found) -> Found:
    """Undo a release, in the folders and in the journal."""
    for leftover in daemon.hold.iterdir():
        leftover.unlink()  # a kill between the last two steps leaves the copied one
    shutil.move(daemon.outbox / "nobody.png", daemon.hold / "nobody.png")
    inode = (daemon.hold / "nobody.png").stat().st_ino
    with sqlite3.connect(daemon.folder / "state/journal.sqlite") as journal:
        journal.execute("UPDATE jobs SET outcome = 'held', target_inode = ?", (inode,))
    assert found.job.placed
    return Found(dataclasses.replace(found.job, placed=dataclasses.replace(found.job.placed, inode=inode)), found.inbox)


def aged(daemon: Daemon, days: float) -> None:
    with sqlite3.connect(daemon.folder / "state/journal.sqlite") as journal:
        journal.execute("UPDATE jobs SET ended_at = ended_at - ?", (days * 86_400,))


def test_old_rows_leave_by_themselves(daemon: Daemon, portrait: Portrait) -> None:
    """Those older than journal_days, with their kept results; not those whose photo still stands in the inbox or is held."""
    daemon.configure(originals="archive", without_face="hold")
    daemon.drop("one.jpg", portrait(1))
    plain(daemon, "nobody.png")
    assert daemon.once() == 0
    daemon.configure()
    kept = daemon.drop("kept.jpg", portrait(2))
    assert daemon.once() == 0
    aged(daemon, 91)
    daemon.drop("new.jpg", portrait(3))
    daemon.start()
    (line,) = wait_until(lambda: daemon.told("forgotten"), "old rows leave")
    assert line["forgotten"] == 1
    wait_until(lambda: len([job for job in jobs(daemon) if job.state == "done"]) == 3, "the new photo is done")
    assert {job.source for job in jobs(daemon)} == {b"nobody.png", b"kept.jpg", b"new.jpg"}
    assert daemon.stop() == 0
    kept.unlink()
    assert run(daemon, "forget", "--days", "0")[1] == "1 forgotten\n"
    assert {job.source for job in jobs(daemon)} == {b"nobody.png", b"new.jpg"}


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("retry", [], "name one job or file, or give --all"),
        ("retry", ["x", "--all"], "name one job or file, or give --all"),
        ("release", ["x"], "0 released"),
        ("explain", ["nowhere/x.jpg"], "no folder of this configuration"),
    ],
)
def test_wrong_use_is_told_plainly(daemon: Daemon, command: str, arguments: list[str], said: str) -> None:
    """A sentence, and no traceback."""
    _, text = run(daemon, command, *arguments)
    assert said in text
    assert "Traceback" not in text


def test_forget_needs_days(daemon: Daemon) -> None:
    """Where the configuration keeps rows for ever, the command line must say how old they may be."""
    daemon.configure({"journal_days": None})
    code, text = run(daemon, "forget")
    assert code == 2
    assert "give --days" in text


def two_inboxes(daemon: Daemon, *names: str) -> None:
    """Each with folders of its own; the journal forgets after 90 days."""
    inboxes = [{"name": name, "path": name, "outbox": f"{name}-out"} for name in names]
    for inbox in inboxes:
        (daemon.folder / inbox["path"]).mkdir(exist_ok=True)
        (daemon.folder / inbox["outbox"]).mkdir(exist_ok=True)
    daemon.configure({"inboxes": inboxes}, originals="archive")


def worked_long_ago(daemon: Daemon) -> None:
    """One photo of each of two inboxes, a hundred days ago."""
    two_inboxes(daemon, "left", "stays")
    for name in ("left", "stays"):
        (daemon.folder / name / "one.jpg").write_bytes(WORDS + name.encode())
    assert daemon.once() == 1
    aged(daemon, 100)


def test_an_inbox_that_left_is_forgotten_by_age(daemon: Daemon) -> None:
    """Nobody knows its folders any more: names are not kept for ever because of that; the report goes on counting it."""
    worked_long_ago(daemon)
    two_inboxes(daemon, "stays")
    assert run(daemon, "forget") == (0, "2 forgotten\n")
    assert jobs(daemon) == []
    chaining.write_days(config.load(daemon.file), "2999-01-01")
    days = json.loads(run(daemon, "report", "--json", "--since", "1970-01-01")[1])["days"]
    assert sum(day["inboxes"]["left"]["quarantined"] for day in days if "left" in day["inboxes"]) == 1
    assert "left" in run(daemon, "report", "--html", "--since", "1970-01-01")[1]


def test_an_inbox_out_of_reach_keeps_its_own_rows_alone(daemon: Daemon) -> None:
    """The others' old rows leave, by the command and in the service, and the one is told."""
    two_inboxes(daemon, "left", "stays")
    daemon.configure({"inboxes": yaml.safe_load(daemon.file.read_text())["inboxes"]})  # originals: keep
    for name in ("left", "stays"):
        (daemon.folder / name / "one.jpg").write_bytes(WORDS + name.encode())
    assert daemon.once() == 1
    aged(daemon, 100)
    (daemon.folder / "stays/one.jpg").unlink()
    (daemon.folder / "left").rename(daemon.folder / "elsewhere")
    code, said = run(daemon, "forget")
    assert code == 1
    assert "1 forgotten" in said
    assert "inbox left: a folder is out of reach" in said
    assert [job.inbox for job in jobs(daemon)] == ["left"]

"""Metrics, hooks and the dry run, around the real service."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from tests.daemon import Daemon, wait_until

Portrait = Callable[[int], bytes]
SAMPLE = re.compile(r'facewarden_[a-z_]+(\{([a-z_]+="[a-z0-9_.-]+",?)+\})? [0-9.e+-]+')


def tree(folder: Path) -> dict[str, Any]:
    """Everything below a folder, with all that a write would change."""
    found = {str(path): path.lstat() for path in (folder, *folder.rglob("*"))}
    return {path: (status.st_mtime_ns, status.st_size, status.st_ino) for path, status in found.items()}


def script(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_metrics_and_hooks(daemon: Daemon, portrait: Portrait) -> None:
    """Counters by inbox and outcome in Prometheus' format, no name in them; each hook gets one path, and a failing one harms nothing."""
    heard = daemon.folder / "heard"
    told = script(daemon.folder, "told", f'echo "$# $1" >>"{heard}"; env >>"{heard}.environment"')
    fails = script(daemon.folder, "fails", "exit 3")
    metrics = daemon.folder / "facewarden.prom"
    daemon.configure(
        {"metrics": str(metrics)},
        originals="archive",
        hooks={"delivered": str(told), "quarantined": str(fails), "seconds": 20},
    )
    daemon.environment = {"SECRET_OF_THE_OPERATOR": "1"}
    daemon.drop("Kowalska one.jpg", portrait(1))
    daemon.drop("Kowalska.txt", b"no picture")
    daemon.start()
    wait_until(lambda: len(daemon.told("job")) == 2 and heard.exists(), "both end, and a hook runs")
    (failed,) = wait_until(lambda: daemon.told("hook_failed"), "the failing hook is told of")
    assert failed["exit_code"] == 3
    assert heard.read_text() == f"1 {daemon.outbox}/Kowalska one.jpg\n"
    assert "SECRET_OF_THE_OPERATOR" not in Path(f"{heard}.environment").read_text()
    wanted = 'facewarden_photos_total{inbox="photos",outcome="published"} 1.0'
    wait_until(lambda: metrics.exists() and wanted in metrics.read_text(), "the metrics are written")
    text = metrics.read_text()
    assert 'facewarden_quarantined_photos_total{inbox="photos",reason="not_a_picture"} 1.0' in text
    assert "facewarden_recall_passed 1.0" in text
    assert stat.S_IMODE(metrics.stat().st_mode) & 0o044
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples), samples
    typed = set(re.findall(r"# TYPE (\S+) (?:counter|gauge)", text))
    assert {re.split(r"[{ ]", line)[0] for line in samples} <= typed
    assert daemon.stop() == 0


def test_a_hook_hears_no_name_that_is_kept_in(daemon: Daemon) -> None:
    """With `names: pseudonym` the hook of a quarantined photo gets the job's id, and no path with the photo's name."""
    heard = daemon.folder / "heard"
    told = daemon.folder / "told.sh"
    told.write_text(f'#!/bin/sh\nprintf %s "$1" >{heard}.part && mv {heard}.part {heard}\n')
    told.chmod(0o755)
    daemon.configure(originals="archive", names="pseudonym", hooks={"quarantined": str(told)})
    daemon.start()
    daemon.drop("anna.jpg", b"these are words")
    wait_until(heard.exists, "the hook runs")
    (job,) = daemon.told("job")
    assert job["outcome"] == "quarantined"
    assert heard.read_text() == job["job"]


def test_a_hook_that_takes_too_long_is_killed(daemon: Daemon, portrait: Portrait) -> None:
    """With all that it started; the next photo's hook runs."""
    pid = daemon.folder / "pid"
    slow = script(daemon.folder, "slow", f'sleep 1000 & echo "$!" >>"{pid}"; wait')
    daemon.configure(hooks={"delivered": str(slow), "seconds": 0.5})
    daemon.start()
    daemon.drop("one.jpg", portrait(1))
    wait_until(lambda: daemon.told("hook_took_too_long"), "it is told of")
    daemon.drop("two.jpg", portrait(2))
    wait_until(lambda: len(daemon.told("hook_took_too_long")) == 2, "the next one runs")
    wait_until(lambda: not any(map(_lives, map(int, pid.read_text().split()))), "nothing of them is left")
    assert daemon.stop() == 0


def test_a_stop_does_not_wait_for_a_stuck_hook(daemon: Daemon, portrait: Portrait) -> None:
    """It is killed after ten seconds with all that it started, and that is told."""
    pid = daemon.folder / "pid"
    stuck = script(daemon.folder, "stuck", f'trap "" TERM; sleep 1000 & echo "$!" >>"{pid}"; wait')
    daemon.configure(hooks={"delivered": str(stuck), "seconds": 3600})
    daemon.start()
    daemon.drop("one.jpg", portrait(1))
    wait_until(lambda: pid.exists() and pid.read_text(), "the hook runs")
    assert daemon.stop() == 0
    wait_until(lambda: daemon.told("hook_took_too_long"), "it is told of")
    wait_until(lambda: not any(map(_lives, map(int, pid.read_text().split()))), "nothing of it is left")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_metrics_that_cannot_be_written_stop_nothing(daemon: Daemon, portrait: Portrait) -> None:
    """A folder that is missing is told of once."""
    daemon.configure({"metrics": str(daemon.folder / "nowhere/facewarden.prom")})
    daemon.drop("one.jpg", portrait(1))
    daemon.start()
    wait_until(daemon.results, "the photo is delivered")
    wait_until(lambda: daemon.told("metrics_not_written"), "the trouble is told")
    assert daemon.stop() == 0
    assert len(daemon.told("metrics_not_written")) == 1


def test_a_dry_run_tells_and_writes_nothing(daemon: Daemon, portrait: Portrait) -> None:
    """Each file's end is foretold, and nothing anywhere is written, made or touched."""
    daemon.configure(without_face="hold")
    daemon.drop("ward/one.jpg", portrait(1))
    daemon.drop("cut.jpg", portrait(2)[:-900])
    Image.new("RGB", (200, 160), "grey").save(daemon.inbox / "nobody.png")
    daemon.drop("half.part", b"x")
    before = tree(daemon.folder)
    ended = subprocess.run([*daemon.command("once"), "--dry-run"], capture_output=True, text=True, check=False)
    assert tree(daemon.folder) == before
    assert ended.returncode == 1
    assert set(ended.stdout.splitlines()) == {
        "photos: ward/one.jpg: would be delivered, 1 areas",
        "photos: cut.jpg: would be quarantined, reason 13 (truncated)",
        "photos: nobody.png: would be held, 0 areas",
    }
    assert "1 would be delivered" in ended.stderr

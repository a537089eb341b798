"""The unit: systemd understands it, each line has its reason, and the service works under what it forbids."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.daemon import Daemon, wait_until
from tests.systemd import FOLDER, UNIT, allowed_calls, analyze, settings

from facewarden import key
from facewarden.errors import Exit
from facewarden.observe import systemd
from facewarden.service import loop

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


@pytest.mark.parametrize("with_drop_in", [False, True])
def test_systemd_understands_the_unit(tmp_path: Path, with_drop_in: bool) -> None:
    """Systemd finds nothing to say about the unit, nor about the drop-in."""
    unit = tmp_path / UNIT.name
    # It wants to see the program, which need not be installed here.
    unit.write_text(UNIT.read_text().replace("=/opt/facewarden/bin/facewarden run", f"={sys.executable} run"))
    if with_drop_in:
        shutil.copytree(FOLDER / "facewarden.service.d", tmp_path / "facewarden.service.d")
    answer = analyze("verify", "--man=no", unit)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_the_unit_exposes_little() -> None:
    """Systemd's own rating (0 safe, 10 unsafe) is 0.5 or better."""
    answer = analyze("security", "--offline=true", "--no-pager", "--threshold=5", UNIT)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_line_has_its_reason() -> None:
    """Right above each setting stands why it is there, and above each restriction what it breaks."""
    lines = list(settings())
    assert all(line.comment.endswith((".", "...")) for line in lines), [line.key for line in lines if not line.comment]
    restrictions = lines[[line.key for line in lines].index("User") :]
    assert len(restrictions) > 40
    assert all("Breaks: " in line.comment for line in restrictions)


def test_the_unit_and_the_program_agree() -> None:
    """Times, exit codes and the credential's name in the unit are those that the program goes by."""
    unit = {line.key: line.value for line in settings()}
    assert unit["Type"] == "notify"
    assert unit["LoadCredential"] == key.CREDENTIAL
    hopeless = {Exit.USAGE, Exit.ALREADY_RUNNING, Exit.JOURNAL, Exit.RECALL}
    assert {int(code) for code in unit["RestartPreventExitStatus"].split()} == hopeless
    assert seconds(unit["WatchdogSec"]) >= 2 * (systemd.STATUS_SECONDS + loop.LONGEST_WAIT + systemd.SECONDS)
    assert seconds(unit["TimeoutStopSec"]) >= 2 * loop.DRAIN_SECONDS


def seconds(span: str) -> int:
    match = re.fullmatch(r"(\d+)(s|min)", span)
    assert match
    return int(match[1]) * {"s": 1, "min": 60}[match[2]]


def test_the_service_works_under_the_unit_s_calls(
    daemon: Daemon, portrait: Callable[[int], bytes], tmp_path: Path
) -> None:
    """With no other calls than the unit allows, and no writable code, workers lock themselves in and a photo comes out."""
    if platform.machine() != "x86_64" or not HEADER.exists():
        pytest.skip("the numbers of calls are read from x86-64's header: on Debian, apt-get install linux-libc-dev")
    numbers = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", HEADER.read_text()))
    allowed = tmp_path / "calls"
    allowed.write_text("\n".join(numbers[name] for name in sorted(allowed_calls()) if name in numbers))
    daemon.launcher = [sys.executable, str(Path(__file__).resolve().parents[1] / "confined.py"), str(allowed)]
    # CenterFace too: another library, which may ask for other calls.
    daemon.configure(detect={"centerface": 0.5, "smallest_face": 40})
    daemon.start()
    assert daemon.process
    assert "Seccomp:\t2" in Path(f"/proc/{daemon.process.pid}/status").read_text()
    daemon.drop("someone.jpg", portrait(1))
    (job,) = wait_until(lambda: daemon.told("job"), "the photo ends")
    assert job["outcome"] == "published"
    assert daemon.stop() == 0

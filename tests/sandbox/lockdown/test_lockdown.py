"""The lock on a worker, tried on the real kernel in processes of their own."""

from __future__ import annotations

import re
import select
import signal
import sys
from pathlib import Path

import pytest
from tests.locked import BOTH_STEPS, NOBODY, PATIENCE, interpreter_of_nobody, outcome, start

from facewarden.errors import SANDBOX_LEAKS, CannotStart
from facewarden.protocol import Protection
from facewarden.sandbox import lockdown
from facewarden.values import Pixels


def test_first_step_leaves_program_files_and_threads() -> None:
    """After the first step libraries can be imported and threads started, and nothing else can be read or written."""
    code, said = outcome("""
        from facewarden.sandbox import lockdown
        lockdown.before_imports()
        import os, threading, wave, numpy
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        def answer(*how):
            try:
                os.close(os.open(*how))
            except OSError as error:
                return error.errno
        print(answer("/etc/passwd", os.O_RDONLY), answer("/dev/null", os.O_WRONLY), answer("/tmp", os.O_RDONLY))
    """)
    assert (code, said) == (0, "13 13 13")


def test_first_step_reads_what_it_is_told(tmp_path: Path) -> None:
    """The operator's own weights can be read where they are named, and their neighbours cannot."""
    tmp_path.chmod(0o755)
    for name in ("weights", "neighbour"):
        (tmp_path / name).write_text(name)
    code, said = outcome(f"""
        from pathlib import Path
        from facewarden.sandbox import lockdown
        lockdown.before_imports([Path({str(tmp_path / "weights")!r}), Path("/nowhere/at/all")])
        print(Path({str(tmp_path / "weights")!r}).read_text())
        Path({str(tmp_path / "neighbour")!r}).read_text()
    """)
    assert said == "weights"
    assert code == 1


def test_first_step_refuses_a_process_with_threads() -> None:
    """A thread older than the lock would keep its rights, so the lock refuses to be put on."""
    _, said = outcome("""
        import threading
        from facewarden.errors import CannotStart
        from facewarden.sandbox import lockdown
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        try:
            lockdown.before_imports()
        except CannotStart as refusal:
            print(refusal.reason.name)
    """)
    assert said == "sandbox_leaks"


def test_first_step_drops_what_root_could_do() -> None:
    """No capability is left, none can come back, no core file can hold a photo, and nobody may look inside."""
    _, said = outcome("""
        from pathlib import Path
        from facewarden.sandbox import lockdown
        from facewarden.sandbox.lockdown.calls import call
        import resource
        lockdown.before_imports()
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        print(*(lines[name].strip() for name in ("CapEff", "CapPrm", "NoNewPrivs", "Seccomp")))
        PR_GET_DUMPABLE = 3
        print(call("prctl", PR_GET_DUMPABLE, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
    """)
    assert said.splitlines() == [f"{0:016x} {0:016x} 1 2", "0 (0, 0)"]


@pytest.mark.parametrize(
    ("missing", "left"),
    [("landlock_create_ruleset", "0 True False"), ("seccomp", "[1-9][0-9]* False False")],
)
def test_kernel_without_a_layer_is_refused(missing: str, left: str) -> None:
    """A kernel that answers ENOSYS for a layer is refused, unless the operator allows it; then it is told."""
    lacking = f"""
        import errno
        from facewarden.errors import CannotStart
        from facewarden.sandbox import lockdown
        from facewarden.sandbox.lockdown import limits, seccomp
        limits.drop_privileges()
        seccomp.restrict([seccomp.Rule({missing!r}, seccomp.refuse(errno.ENOSYS))], seccomp.ALLOW)
    """
    _, said = outcome(f"""{lacking}
        try:
            lockdown.before_imports()
        except CannotStart as refusal:
            print(refusal.reason.name)
    """)
    assert said == "sandbox_missing"
    code, said = outcome(f"""{lacking}
        protection = lockdown.before_imports(degraded_allowed=True)
        print(protection.landlock, protection.seccomp, protection.complete, flush=True)
        lockdown.before_photos(64 << 20, protection)
        lockdown.verify(protection)
    """)
    assert re.fullmatch(left, said), said
    assert code == 0


def test_last_step_leaves_reading_computing_and_writing() -> None:
    """A locked process reads its requests, computes with fresh memory and writes its replies."""
    with start(f"""{BOTH_STEPS}
    import os
    os.write(1, bytes(reversed(os.read(0, 5))) + str(len(bytearray(1 << 20))).encode())
    """) as process:
        said, _ = process.communicate(b"12345", timeout=PATIENCE)
    assert said == b"543211048576"


def test_last_step_binds_threads_that_are_older() -> None:
    """A thread that was started before the last step can open nothing after it."""
    _, said = outcome("""
        from facewarden.sandbox import lockdown
        protection = lockdown.before_imports()
        import os, threading
        locked = threading.Event()
        def attempt():
            locked.wait()
            try:
                os.open("/proc/self/statm", os.O_RDONLY)
            except OSError as error:
                os.write(1, str(error.errno).encode())
        thread = threading.Thread(target=attempt)
        thread.start()
        lockdown.before_photos(64 << 20, protection)
        locked.set()
        thread.join()
    """)
    assert said == "13"


def test_memory_is_bounded() -> None:
    """Within the headroom memory is granted, beyond it MemoryError is raised and the process goes on."""
    _, said = outcome(f"""{BOTH_STEPS}
    import os
    bytearray(32 << 20)
    try:
        bytearray(128 << 20)
    except MemoryError:
        os.write(1, b"bounded")
    """)
    assert said == "bounded"


def test_forbidden_call_ends_the_process() -> None:
    """What no library needs is not refused but ends the process with SIGSYS, which the pool can name."""
    for call in ("os.fork()", "os.chdir('/')"):  # one that a rule kills, one that no rule names
        code, _ = outcome(f"{BOTH_STEPS}\n    import os\n    {call}")
        assert code == -signal.SIGSYS


def test_verify_notices_a_missing_lock() -> None:
    """An unlocked process does not pass its own test."""
    with pytest.raises(CannotStart) as refusal:
        lockdown.verify(Protection(landlock=1, seccomp=True))
    assert refusal.value.reason is SANDBOX_LEAKS


def test_worker_dies_with_its_parent() -> None:
    """When the service is killed, no worker goes on alone, even one that never reads its pipe."""
    child = f"import sys; sys.path[:] += {sys.path!r}; from facewarden.sandbox import lockdown; "
    child += "lockdown.before_imports(); print(1, flush=True); import time; time.sleep(3600)"
    parent = start(f"""
        import subprocess, time
        subprocess.Popen([sys.executable, "-I", "-c", {child!r}])
        time.sleep(3600)
    """)
    with parent:
        assert parent.stdout
        assert parent.stdout.read(1) == b"1"
        parent.kill()
        # The child holds the other end of this pipe: it closes when the child is gone.
        ended, _, _ = select.select([parent.stdout], [], [], PATIENCE)
        assert ended
        assert parent.stdout.read().strip() == b""


def test_lock_needs_no_privileges() -> None:
    """A user without any right can put the same lock on."""
    code = f"{BOTH_STEPS}\n    import os\n    os.write(1, str(protection.complete).encode())"
    with start(code, interpreter_of_nobody(), NOBODY) as process:
        said, errors = process.communicate(timeout=PATIENCE)
    assert said == b"True", errors


def test_detectors_work_under_the_lock(astronaut: Pixels) -> None:
    """Both detectors answer under the whole lock what they answer under its first step, and closing them kills nothing.

    MediaPipe 1.2 reports to its vendor when it is closed, and a minute after its start. Both steps must refuse that, so
    neither process here is without a lock, and the worker must survive the refusal.
    """
    answers = []
    for last in ("lockdown.before_photos(1 << 30, protection); lockdown.verify(protection)", ""):
        with start(f"""
            from facewarden.sandbox import lockdown
            protection = lockdown.before_imports()
            import os
            import numpy as np
            from facewarden.sandbox import detect
            search = detect.load({{"blazeface": 0.3, "centerface": 0.15}})
            pixels = np.frombuffer(sys.stdin.buffer.read(512 * 512 * 3), np.uint8).reshape(512, 512, 3)
            {last}
            os.write(1, repr([detector.find(pixels) for detector in search.detectors.values()]).encode())
            search.close()
            os.write(1, b" closed")
            os._exit(0)
        """) as process:
            said, errors = process.communicate(astronaut.tobytes(), timeout=PATIENCE)
        assert process.returncode == 0, errors[-500:]
        answers.append(said)
    assert answers[0] == answers[1]
    assert b"centerface" in answers[0]
    assert b"blazeface" in answers[0]
    assert answers[0].endswith(b"closed")

"""The lock on a worker, tried in processes of its own on the real kernel; its filter also instruction by instruction."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewarden.errors import SANDBOX_LEAKS, CannotStart
from facewarden.sandbox import lockdown
from facewarden.sandbox.lockdown import calls, landlock, rules, seccomp
from facewarden.sandbox.lockdown.seccomp import ALLOW, KILL, Instruction, refuse
from facewarden.values import Pixels

PATIENCE = 50.0
NOBODY = 65534

HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}

BOTH_STEPS = """
    from facewarden.sandbox import lockdown
    protection = lockdown.before_imports()
    lockdown.before_photos(64 << 20, protection)
    lockdown.verify(protection)
"""


def start(code: str, interpreter: str = sys.executable, user: int | None = None) -> subprocess.Popen[bytes]:
    """A process that runs `code` over pipes, as a worker does. It finds the modules that this one finds."""
    places = [place for place in sys.path if place and Path(place).is_absolute()]
    whole = f"import sys\nsys.path[:] += {places!r}\n{textwrap.dedent(code)}"
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [interpreter, "-I", "-c", whole],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd="/",
        env={"OMP_NUM_THREADS": "1"},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def outcome(code: str) -> tuple[int, str]:
    """Exit code, negative for a signal, and what the process wrote to its output; its errors where it wrote nothing."""
    with start(code) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, (output or errors).decode().strip()


def behaviour(program: list[Instruction], architecture: int, number: int, arguments: list[int]) -> int:
    """What the kernel would answer: the program run as linux/filter.h describes it, on one call's record."""
    record = {0: number, 4: architecture}
    for place, argument in enumerate(arguments):
        record |= {16 + 8 * place: argument & 0xFFFFFFFF, 20 + 8 * place: argument >> 32}
    held, at = 0, 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == seccomp.RETURN:
            return constant
        if code == seccomp.LOAD:
            held = record[constant]
        elif code == seccomp.AND:
            held &= constant
        else:
            holds = held == constant if code == seccomp.IF_EQUAL else bool(held & constant)
            at += if_true if holds else if_false


# The tables


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_the_kernels(machine: str) -> None:
    """Each call's number is the one in this machine's kernel headers."""
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header.name} of {machine} is not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    found |= {"newfstatat": found.get("newfstatat", found.get("fstatat"))}
    for name in calls.CALLS:
        number = calls.number(name, machine)
        assert found.get(name) == (None if number is None else str(number)), name


@pytest.mark.parametrize(
    ("abi", "files", "net", "scopes"),
    [(1, 13, 0, 0), (2, 14, 0, 0), (3, 15, 0, 0), (4, 15, 2, 0), (5, 16, 2, 0), (6, 16, 2, 2), (7, 16, 2, 2)],
)
def test_landlock_handles_what_each_abi_knows(abi: int, files: int, net: int, scopes: int) -> None:
    """All rights that a kernel knows are refused, and none that it does not know is asked for (it would say EINVAL)."""
    known = landlock.FILE_RIGHTS, landlock.NET_RIGHTS, landlock.SCOPES
    assert [landlock._rights(kind, abi).bit_count() for kind in known] == [files, net, scopes]


def test_every_rule_names_a_known_call() -> None:
    """A rule for a call that the table lacks would be a hole or a death nobody expects."""
    for rule in (*rules.FIRST, *rules.second()):
        assert rule.call in calls.CALLS


# The filter, instruction by instruction

machines = st.sampled_from(list(calls.COLUMNS))
registers = st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6)


@given(machines, st.integers(0, 2**32 - 1), registers)
def test_second_filter_kills_by_default(machine: str, number: int, arguments: list[int]) -> None:
    """Whatever call no rule names ends the process."""
    named = {calls.number(rule.call, machine) for rule in rules.second()}
    program = seccomp.assemble(rules.second(), KILL, machine)
    if number not in named:
        assert behaviour(program, seccomp.ARCHITECTURES[machine], number, arguments) == KILL


@given(machines, st.integers(0, 2**32 - 1), st.integers(0, 500), registers)
def test_foreign_architecture_is_killed(machine: str, architecture: int, number: int, arguments: list[int]) -> None:
    """A call made by another table of numbers is never looked up in ours, and x32 counts as another table."""
    for wanted, default in ((rules.FIRST, ALLOW), (rules.second(), KILL)):
        program = seccomp.assemble(wanted, default, machine)
        if architecture != seccomp.ARCHITECTURES[machine]:
            assert behaviour(program, architecture, number, arguments) == KILL
        if machine == "x86_64":
            x32 = number | seccomp.X32_BIT
            assert behaviour(program, seccomp.ARCHITECTURES[machine], x32, arguments) == KILL


@given(machines, st.sampled_from(sorted({rule.call for rule in rules.second()})), registers)
def test_second_filter_follows_its_rules(machine: str, name: str, arguments: list[int]) -> None:
    """Each rule's answer is given exactly where its checks hold, on both machines."""
    (rule,) = (rule for rule in rules.second() if rule.call == name)
    number = calls.number(name, machine)
    if number is None:
        return
    holds = all(arguments[check.argument] & 0xFFFFFFFF & check.mask in check.values for check in rule.checks)
    program = seccomp.assemble(rules.second(), KILL, machine)
    answer = behaviour(program, seccomp.ARCHITECTURES[machine], number, arguments)
    assert answer == (rule.then if holds else rule.otherwise)


def test_nothing_allowed_makes_code_or_processes() -> None:
    """Memory that is written cannot be run, a file cannot be mapped, a process cannot be cloned."""
    program = seccomp.assemble(rules.second(), KILL, "x86_64")

    def answer(name: str, *arguments: int) -> int:
        number = calls.number(name, "x86_64")
        assert number is not None
        return behaviour(program, seccomp.ARCHITECTURES["x86_64"], number, [*arguments, *[0] * (6 - len(arguments))])

    assert answer("mmap", 0, 4096, 3, 0x22, 2**64 - 1) == ALLOW
    assert answer("mmap", 0, 4096, 7, 0x22, 2**64 - 1) == KILL
    assert answer("mmap", 0, 4096, 1, 0x02, 3) == KILL
    assert answer("mprotect", 0, 4096, 5) == KILL
    assert answer("clone", signal.SIGCHLD) == KILL
    assert answer("clone", rules.CLONE_THREAD) == refuse(11)
    assert answer("read", 3) == KILL
    assert answer("write", 0) == KILL
    assert answer("futex", 0, 128) == ALLOW
    assert answer("futex", 0, 128 | 6) == KILL  # FUTEX_LOCK_PI
    assert answer("tgkill", os.getpid() + 1) == KILL


# The first step


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


# The last step


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
        lockdown.verify(lockdown.Protection(landlock=1, seccomp=True))
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
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    interpreter = next((path for path in (sys.executable, "/usr/bin/python3") if _usable_by_nobody(path)), None)
    if interpreter is None:
        pytest.skip("no interpreter of this version can be used by another user")
    code = f"{BOTH_STEPS}\n    import os\n    os.write(1, str(protection.complete).encode())"
    with start(code, interpreter, NOBODY) as process:
        said, errors = process.communicate(timeout=PATIENCE)
    assert said == b"True", errors


def _usable_by_nobody(interpreter: str) -> bool:
    """Whether user 65534 can run it, and it is of this version, so that it finds the same modules."""
    try:
        with start("print(sys.version_info[:2])\nimport facewarden", interpreter, NOBODY) as process:
            said, _ = process.communicate(timeout=PATIENCE)
    except OSError:
        return False
    return process.returncode == 0 and said.decode().strip() == str(sys.version_info[:2])


# The libraries


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
            os.write(1, repr(search(pixels, 20)).encode())
            search.close()
            os.write(1, b" closed")
            os._exit(0)
        """) as process:
            said, errors = process.communicate(astronaut.tobytes(), timeout=PATIENCE)
        assert process.returncode == 0, errors[-500:]
        answers.append(said)
    assert answers[0] == answers[1]
    assert b"centerface" in answers[0]
    assert answers[0].endswith(b"closed")

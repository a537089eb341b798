"""Hooks: an operator's program runs after each delivery or quarantine, with the result's path as its only argument.

Where the path would tell a name that must not get out it is the job's id. It hears of a job by the line that is logged
and asks the journal for the path, so that nothing else need know of it. One runs at a time, without a shell, with a
bare environment; one that fails or takes too long is told of and changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from facewarden import config
from facewarden.errors import CannotStart
from facewarden.journal import Job, read_job
from facewarden.outcomes import FOLDERS

log = structlog.get_logger()

STOP_SECONDS = 10.0
"""How long a stop waits for hooks that are still to be run; one that runs by then is killed."""


class Hooks:
    """`hear` may be called by any thread; the programs run in a thread of their own."""

    def __init__(self, configuration: config.Configuration) -> None:
        self._state = configuration.state
        self._inboxes = {inbox.name: inbox for inbox in configuration.inboxes}
        self._jobs: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stop_at = float("inf")
        self._process: subprocess.Popen[bytes] | None = None
        """The program that runs now."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Inside, programs are run; at the end those that wait are still run, for STOP_SECONDS."""
        thread = threading.Thread(target=self._work, name="hooks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop_at = time.monotonic() + STOP_SECONDS
            self._jobs.put(None)
            thread.join(STOP_SECONDS)
            if process := self._process:
                _kill(process)
                thread.join(1.0)

    def hear(self, entry: structlog.typing.EventDict) -> None:
        """Take in a line of the log: a job that ended where its inbox has a hook for that."""
        if entry.get("event") not in ("job", "job_recovered"):
            return
        inbox = self._inboxes.get(entry.get("inbox", ""))
        if inbox and _program(inbox, entry.get("outcome")):
            self._jobs.put(entry["job"])

    def _work(self) -> None:
        while (job_id := self._jobs.get()) is not None:
            if time.monotonic() > self._stop_at:
                log.warning("hooks_left_out", waiting=self._jobs.qsize())
                return
            try:
                job = read_job(self._state, job_id)
            except CannotStart:  # the service itself meets the damage, and says so
                job = None
            if job:
                self._run(job, self._inboxes[job.inbox])

    def _run(self, job: Job, inbox: config.Inbox) -> None:
        """Run the program of this outcome to its end, for `hooks.seconds` at most."""
        program = _program(inbox, job.outcome)
        if not program or not job.target:
            return
        result = _argument(job, inbox)
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        nothing = subprocess.DEVNULL
        try:
            started = subprocess.Popen(
                [program, result],
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            log.warning("hook_failed", job=job.id, inbox=inbox.name, error=error.errno or 0)
            return
        self._process = started
        try:
            code = started.wait(inbox.hooks.seconds)
        except subprocess.TimeoutExpired:
            _kill(started)
            code = started.wait()
        finally:
            self._process = None
        if code == -signal.SIGKILL:
            log.warning("hook_took_too_long", job=job.id, inbox=inbox.name)
        elif code:
            log.warning("hook_failed", job=job.id, inbox=inbox.name, exit_code=code)


def _argument(job: Job, inbox: config.Inbox) -> str | Path:
    """The path of what came out.

    A quarantined original has its own name, which `names: pseudonym` keeps in: there, the job's id.
    """
    assert job.target is not None
    if job.outcome == "quarantined" and inbox.names == "pseudonym":
        return job.id
    return inbox.folder(FOLDERS[job.outcome]) / os.fsdecode(job.target)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)


def _program(inbox: config.Inbox, outcome: object) -> Path | None:
    return {"published": inbox.hooks.delivered, "quarantined": inbox.hooks.quarantined}.get(str(outcome))

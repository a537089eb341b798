"""One worker process as the trusted side sees it: spawned, asked over pipes, believed in nothing, ended for certain.

Each way it can end is named (see `endings`). Ladder of a stop: close its input, wait, SIGKILL its process group,
wait, go on.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from facewarden import protocol
from facewarden.errors import (
    BAD_REPLY,
    DEADLINE,
    NO_WORKER,
    NOT_ENCODED,
    OUT_OF_MEMORY,
    SEARCH_FAILED,
    CannotStart,
    FileRefused,
)
from facewarden.pool.contract import PoolStopped
from facewarden.pool.endings import cause_of_death
from facewarden.protocol import Protection
from facewarden.replies import Receiver, Reply, read_reply, read_start
from facewarden.values import Recipe, Terms

START_SECONDS = 120.0
"""A cold start reads some 300 MB of libraries; on a slow disk that takes a minute."""

STOP_SECONDS = 2.0

PAGE_SHARE = 0.1
"""Of a photo's time: so much more is granted for each page of a document that has come. A long one gets through, and
one whose pages take for ever does not."""

PAGE_PIXELS = 1_000_000
"""Of a page for which all of that is granted; for a smaller one less: nobody buys time with pages of no size."""

ENTRY = ("-m", "facewarden.sandbox.worker")
"""The interpreter's arguments that make it a worker."""


class WorkerProcess:
    """One sandboxed process with its pipes. Used by one thread at a time."""

    def __init__(self, terms: Terms, entry: Sequence[str] = ENTRY) -> None:
        """Raises OSError where no process can be had."""
        self._terms = terms
        self._process = subprocess.Popen(
            # -I: neither the environment nor the working directory can put foreign modules into the worker.
            [sys.executable, "-I", *entry, *terms.arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What libraries say there may hold anything: the kernel drops it, so it is neither stored nor waited for.
            stderr=subprocess.DEVNULL,
            bufsize=0,
            close_fds=True,
            start_new_session=True,
            cwd="/",
            env=_clean_environment(),
        )
        assert self._process.stdin
        assert self._process.stdout
        self._requests = self._process.stdin.fileno()
        self._replies = self._process.stdout.fileno()
        os.set_blocking(self._requests, False)
        os.set_blocking(self._replies, False)
        self.owner: str | None = None
        """Whose photos it has seen; None before its first one, and where that is its last."""
        self.handled = 0
        self._abandoned = False
        self.due = time.monotonic() + START_SECONDS
        """When its present work has ended for certain, one way or the other; infinite while it has none."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> Protection:
        """Block until the worker can take photos; returns its lock.

        Raises CannotStart with the worker's reason, PoolStopped where it was abandoned.
        """
        deadline = time.monotonic() + START_SECONDS
        try:
            self._write(protocol.PROLOGUE.pack(len(self._terms.yunet)) + self._terms.yunet, deadline)
            protection = read_start(lambda length: self._read(length, deadline))
        except FileRefused as refusal:
            self.kill()
            foreseen = refusal.reason.number >= 40
            raise CannotStart(refusal.reason if foreseen else NO_WORKER) from None
        self.due = math.inf
        return protection

    def ask(
        self,
        kind: bytes,
        original: bytes | bytearray,
        recipe: Recipe,
        seconds: float,
        receiver: Receiver | None = None,
    ) -> Reply:
        """Send one photo and wait for its answer, at most `seconds`, for documents some more with each page.

        `receiver` takes frames as they come.

        Raises FileRefused, after which the worker may be dead, or PoolStopped where it was abandoned.
        """
        self.due = time.monotonic() + seconds
        self.handled += 1
        order = recipe.to_json().encode()
        head = protocol.REQUEST.pack(kind, len(order), len(recipe.emblem), len(original))
        self._write(head + order + recipe.emblem, self.due)
        self._write(original, self.due)
        try:
            return read_reply(
                lambda length: self._read(length, self.due),
                recipe.limits,
                with_pixels=kind == protocol.HIDE,
                receiver=receiver,
                on_page=lambda pixels: self._grant(seconds * PAGE_SHARE * min(pixels / PAGE_PIXELS, 1.0)),
            )
        except FileRefused as refusal:
            # With NOT_ENCODED it was the receiver that gave up, in the middle of the answer.
            if refusal.reason in (BAD_REPLY, OUT_OF_MEMORY, SEARCH_FAILED, NOT_ENCODED):
                self.kill()
            raise

    def _grant(self, seconds: float) -> None:
        self.due += seconds

    def alive(self) -> bool:
        return self._process.poll() is None

    def waits(self) -> bool:
        """Whether it lives and is silent: one that speaks unasked was broken into, for which no later photo can be blamed."""
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        return self.alive() and not poll.poll(0)

    def stop(self) -> None:
        """End the process, gently first, and close its pipes. Never blocks for longer than the ladder takes."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # the next step of the ladder
            self._process.wait(STOP_SECONDS)
        self.kill()
        self._process.stdout.close()

    def abandon(self) -> None:
        """End it in the middle of its work because the pool is stopped; may be called from any thread."""
        self._abandoned = True
        self.kill()

    def kill(self) -> None:
        """SIGKILL the worker's process group and collect it; whoever reads its pipes meets their end."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it died by itself in this moment
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: go on without it
                self._process.wait(STOP_SECONDS)

    def _read(self, length: int, deadline: float) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            self._await(self._replies, select.POLLIN, deadline)
            count = os.readv(self._replies, [view])
            if count == 0:
                raise self._death()
            view = view[count:]
        return data

    def _write(self, data: bytes | bytearray, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._await(self._requests, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._requests, view) :]
            except BrokenPipeError:
                raise self._death() from None

    def _await(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self.kill()
            raise FileRefused(DEADLINE)

    def _death(self) -> FileRefused | PoolStopped:
        """What the end of its pipe means."""
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return FileRefused(BAD_REPLY)  # it lives and will not speak
        finally:
            self.kill()
        return PoolStopped() if self._abandoned else FileRefused(cause_of_death(code))


def _clean_environment() -> dict[str, str]:
    """Nothing of the operator's environment enters a worker but where to find system libraries."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    quiet = {"GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3", "ORT_DISABLE_TELEMETRY": "1"}
    return kept | quiet | {"LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}

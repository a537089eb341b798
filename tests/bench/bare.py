"""The bare pipeline: the worker's stages, the encoder and a plain write, in one thread of one process, photo after photo.

    python -m tests.bench.bare INBOX OUTBOX

No watch, journal, pool, wire nor sandbox. After each photo it prints a line of JSON: when (monotonic), the processor seconds
so far, those of encoder and write among them, and how long each stage took. Nothing is written durably.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.originals import Original, write
from tests.bench.peaks import Peaks
from tests.bench.runs import End, Run, collected

from facewarden import config
from facewarden.config.profile import Output
from facewarden.delivery.encode import result_of
from facewarden.errors import FACE_REMAINS, FileRefused
from facewarden.sandbox import bench
from facewarden.sandbox.wire import Request
from facewarden.values import Frame, Limits, Picture, Region


def bare(folder: Path, originals: Sequence[Original]) -> Run:
    """Run this module on photos, in an environment like a worker's."""
    inbox, outbox = folder / "inbox", folder / "outbox"
    for made in (folder, inbox, outbox):
        made.mkdir()
    write(originals, inbox)
    command = [sys.executable, "-m", "tests.bench.bare", str(inbox), str(outbox)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=alone)
    assert process.stdout
    with process.stdout, Peaks(process.pid) as peaks:
        told = [json.loads(line) for line in process.stdout]
    usage, seconds = collected(process), time.monotonic() - begin
    if process.returncode or len(told) != len(originals):
        raise RuntimeError(f"the bare pipeline ended with {process.returncode} after {len(told)} photos")
    ends = [End(it["time"], it["delivery"], it["processor"] - it["delivery"], it) for it in told]
    return Run(ends, seconds, usage.ru_utime + usage.ru_stime, peaks)


class _Held:
    """Stands where the worker's end of the wire does, and holds what would be sent."""

    def write_picture(self, picture: Picture) -> None:
        self._picture, self._hidden = picture, 0
        self._frames: list[Frame] = []
        self.seconds: dict[str, float] = {}

    def write_frame(self, frame: Frame, regions: Sequence[Region], second_look: int, *, with_pixels: bool) -> None:
        assert with_pixels
        self._frames.append(frame)
        self._hidden += len(regions)

    def write_done(self, **seconds: float) -> None:
        self.seconds = seconds

    def result(self, output: Output) -> bytes:
        whole = dataclasses.replace(self._picture, frames=tuple(self._frames))
        return result_of(whole, output, untouched=not self._hidden)[1]


def main(inbox: Path, outbox: Path) -> None:
    """Work off a folder with the default profile."""
    profile, held = config.Profile(), _Held()
    recipe = config.recipe_of(profile, Limits())
    stages, delivery = bench.Bench(), 0.0
    vars(bench)["wire"] = held
    for file in sorted(inbox.iterdir()):
        spent = {"encode": 0.0, "write": 0.0}
        try:
            stages.treat(Request(recipe, file.read_bytes(), with_pixels=True))
            start, before = time.monotonic(), time.process_time()
            data = held.result(profile.output)
            encoded = time.monotonic()
            (outbox / file.name).write_bytes(data)
            spent = {"encode": encoded - start, "write": time.monotonic() - encoded}
            delivery += time.process_time() - before
        except FileRefused as refused:
            if refused.reason is not FACE_REMAINS:
                raise
        computed = {"processor": time.process_time(), "delivery": delivery}
        told = {"time": time.monotonic(), **computed, **held.seconds, **spent}
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

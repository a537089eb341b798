"""The worker process: takes photos one by one from a pipe and answers with redacted pixels. The sandbox's only entry.

Started by `pool` as `python -I -m facewarden.sandbox.worker`. A failure that belongs to the file is answered by its
number; anything else ends the process, and the pool names the cause of death.
"""

from __future__ import annotations

import sys
import time

from facewarden.errors import OUT_OF_MEMORY, PYTHON_LIBRARY, SEARCH_FAILED, CannotStart, FileRefused
from facewarden.sandbox import wire


def main() -> int:
    """Start, say so, and work until the pipe closes. Returns the exit code."""
    # Whatever a library prints must not mix with the replies on fd 1.
    sys.stdout = sys.stderr
    try:
        bench = _Bench()
    except CannotStart as refusal:
        wire.write_failure(refusal.reason)
        return int(refusal.reason.exit)
    except ImportError:
        wire.write_failure(PYTHON_LIBRARY)
        return int(PYTHON_LIBRARY.exit)
    wire.write_ready()
    while request := wire.read_request():
        try:
            bench.treat(request)
        except FileRefused as refusal:
            wire.write_failure(refusal.reason)
        except MemoryError:
            # The heap may be left in any state, so this process takes no further photo.
            wire.write_failure(OUT_OF_MEMORY)
            return 1
        except Exception:  # noqa: BLE001 - the process ends with it, and the failure is told
            # A fault of ours or of a library: the photo is not delivered, and a fresh process takes the next one.
            wire.write_failure(SEARCH_FAILED)
            return 1
    return 0


class _Bench:
    """The stages with their libraries loaded and warm, so that later no file needs to be opened."""

    def __init__(self) -> None:
        # Imported here so that a missing library is answered by its number instead of a traceback.
        import cv2  # noqa: PLC0415

        from facewarden.sandbox import decode, detect, redact, regions  # noqa: PLC0415

        cv2.setNumThreads(1)
        decode.preload()
        self._decode, self._redact, self._regions = decode, redact, regions
        self._search = detect.load({"blazeface": 0.3, "centerface": 0.15})

    def treat(self, request: wire.Request) -> None:
        """Decode, then search, redact and send each frame. Raises FileRefused where the file is at fault."""
        recipe = request.recipe
        watch = _Stopwatch()
        picture = self._decode.decode(request.original, recipe.limits)
        watch.lap("decode")
        wire.write_picture(picture)
        for frame in picture.frames:
            found = self._search(frame.pixels, recipe.smallest_face)
            areas = [self._regions.grow(region, recipe.growth, recipe.shape) for region in found]
            watch.lap("detect")
            pixels = frame.pixels
            if request.with_pixels:
                pixels = self._redact.redact(frame.pixels, areas, recipe.style, recipe.safety_frame)
            watch.lap("redact")
            wire.write_frame(pixels, frame.duration, areas, 0, with_pixels=request.with_pixels)
            watch.skip()
        wire.write_done(**watch.seconds)


class _Stopwatch:
    """Seconds by stage, on a monotonic clock."""

    def __init__(self) -> None:
        self.seconds = {"decode": 0.0, "detect": 0.0, "redact": 0.0}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """Count the time since the last call for this stage."""
        now = time.monotonic()
        self.seconds[stage] += now - self._last
        self._last = now

    def skip(self) -> None:
        """Count the time since the last call for no stage (waiting for the reader of the pipe)."""
        self._last = time.monotonic()


if __name__ == "__main__":
    sys.exit(main())

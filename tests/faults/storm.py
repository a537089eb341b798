"""Kill the service at random moments, over and over, and check that nothing is lost, doubled or left unredacted.

    python -m tests.faults.storm [--kills 1000] [--files 400] [--seed 1] [--minutes 60] [--folder FOLDER]

Three inboxes (keep, archive, delete) are fed evenly over the whole storm, so that to its end there is work to be cut off. Each round starts the real `facewarden run` and
kills it with SIGKILL at a random moment: most while it works on photos, one in eight while it starts. One photo in fifteen is
damaged and belongs into quarantine; one in twenty has no face and waits in the hold folder; one in ten is drawn in colours and alpha,
and one in ten is a document of two pages. After each kill every visible
result must be whole and redacted; at the end each drop must be accounted for exactly once. The order of what is dropped and
of the kills depends on the seed alone; what a kill hits depends on the machine too. Exit code 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import io
import random
import select
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence
from tests.daemon import pixels_of, wait_until
from tests.faults.harness import WINDOW, Harness, check_pixels, check_redacted, coded_data
from tests.portraits import FACE, portrait, portrait_pixels

from facewarden.values import Pixels

POLICIES = ("keep", "archive", "delete")
KINDS = {"damaged": 1 / 15, "faceless": 7 / 60, "clear": 13 / 60, "document": 19 / 60}
"""Up to which number a draw means each kind; all else is a portrait."""
SUFFIXES = {"faceless": "png", "clear": "png", "document": "tif"}
SECOND_PAGE = 100_000
"""Added to the number of a document, for its second page."""
WORK_SECONDS = 1.5
"""The longest time from the start of work to a kill. It grows while nothing comes through, for a slow or busy machine."""
CALMEST_SECONDS = 10.0
FINISH_SECONDS = 1800.0
"""How long the work that is left may take in peace. With one worker for three inboxes nearly each photo gets a fresh one."""
START_SECONDS = 1.2
"""The same from the start of the process, for the kills of a starting service."""


@dataclasses.dataclass(frozen=True)
class Drop:
    """One photo: a portrait, as a JPEG, in colours and alpha, or on the two pages of a document; a damaged one; or one without a face."""

    name: str
    number: int
    policy: str
    kind: str

    @functools.cached_property
    def data(self) -> bytes:
        if self.kind == "damaged":
            return portrait(self.number)[:-2000]
        if self.kind == "faceless":
            return wall(self.number)
        if self.kind == "clear":
            return _file(_clear(self.number), "PNG")
        if self.kind == "document":
            return _file(portrait_pixels(self.number), "TIFF", portrait_pixels(self.number + SECOND_PAGE))
        return portrait(self.number)

    def check(self, result: Path) -> None:
        """A result of this drop is whole and redacted, on each page and in each channel."""
        if self.kind == "portrait":
            check_redacted(result, self.number)
        elif self.kind == "clear":
            check_pixels(pixels_of(result)[..., :3], self.number)
            assert np.ptp(pixels_of(result)[(*FACE, 3)]) == 0, "alpha tells of the face"
        else:
            assert self.kind == "document", f"a {self.kind} photo was delivered"
            with Image.open(result) as document:
                pages = [np.array(page) for page in ImageSequence.Iterator(document)]
            assert len(pages) == 2
            check_pixels(pages[0], self.number)
            check_pixels(pages[1], self.number + SECOND_PAGE)


def _clear(number: int) -> Pixels:
    """A portrait in colours and once more in alpha."""
    colours = portrait_pixels(number)
    alpha = np.asarray(Image.fromarray(colours).convert("L")) // 2 + 128
    return np.dstack((colours, alpha.astype(np.uint8)))


def _file(pixels: Pixels, container: str, *pages: Pixels) -> bytes:
    file = io.BytesIO()
    more = {"save_all": True, "append_images": [Image.fromarray(page) for page in pages]} if pages else {}
    Image.fromarray(pixels).save(file, container, **more)
    return file.getvalue()


def wall(number: int) -> bytes:
    """A small picture without a face; each number gives another."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (number % 256, number // 256, 90)).save(file, "PNG")
    return file.getvalue()


class Storm:
    """The service in a folder, what was dropped so far, and the faults that were found."""

    def __init__(self, folder: Path, kills: int, files: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.service = Harness(folder)
        for policy in POLICIES:
            (folder / policy).mkdir()
            (folder / f"out-{policy}").mkdir()
        inboxes = [
            {"name": policy, "path": policy, "outbox": f"out-{policy}", "originals": policy} for policy in POLICIES
        ]
        top = {"inboxes": inboxes, "limits": {"attempts": 20}}  # the oldest photo meets many kills in a row here
        self.service.configure(top, settle=0.1, scan_every=0.3, without_face="hold")
        self.folder = folder
        self.coming = [self._drop(number) for number in range(files)]
        self.dropped: list[Drop] = []
        self.kills: Counter[str] = Counter()
        self.busy = 0
        """Kills while a photo was there that had not ended."""
        self._a_round = files / kills
        self._longest = WORK_SECONDS

    def _drop(self, number: int) -> Drop:
        draw = self.random.random()
        kind = next((kind for kind, until in KINDS.items() if draw < until), "portrait")
        return Drop(f"{kind}-{number}.{SUFFIXES.get(kind, 'jpg')}", number, self.random.choice(POLICIES), kind)

    def round(self) -> None:
        """Feed, start, kill, look."""
        self.feed()
        self.service.spawn()
        if self.random.random() < 1 / 8:
            pause, moment = self.random.uniform(0, START_SECONDS), "starting"
        else:
            wait_until(lambda: self.service.told("started") or self.service.exited(), "the service starts")
            assert not self.service.exited(), self.service.log
            pause, moment = self.random.uniform(0, self._longest), "working"
        before = self.ended()
        select.select([], [], [], pause)
        self.service.kill()
        self.kills[moment] += 1
        self.busy += self.ended() < len(self.dropped)
        if moment == "working":
            calmer = self._longest * 1.2 if self.ended() == before else self._longest / 1.2
            self._longest = min(max(calmer, WORK_SECONDS), CALMEST_SECONDS)
        self.check_visible()

    def feed(self) -> None:
        """Drop what is due by now, so that the photos last for all kills."""
        due = self._a_round * (self.kills.total() + 1)
        while self.coming and len(self.dropped) < due:
            self.drop_next()

    def drop_next(self) -> None:
        drop = self.coming.pop(0)
        hidden = self.folder / drop.policy / f".{drop.name}"
        hidden.write_bytes(drop.data)
        hidden.rename(self.folder / drop.policy / drop.name)
        self.dropped.append(drop)

    def ended(self) -> int:
        return sum(len(files) for files in self.ends().values())

    def ends(self) -> dict[str, list[Path]]:
        """Where photos end: visible files of the outboxes, hold and quarantine folders (without reports of kept ones)."""
        found: dict[str, list[Path]] = {"delivered": [], "held": [], "quarantined": []}
        for policy in POLICIES:
            found["delivered"] += seen(self.folder / f"out-{policy}")
            found["held"] += [file for file in seen(self.folder / f"{policy}-hold") if file.suffix != ".txt"]
            quarantine = seen(self.folder / f"{policy}-quarantine")
            found["quarantined"] += [file for file in quarantine if (file.suffix == ".txt") == (policy == "keep")]
        return found

    def check_visible(self) -> None:
        """Whatever is in an outbox at this moment was dropped, is whole, and is redacted."""
        by_name = {drop.name: drop for drop in self.dropped}
        for file in self.ends()["delivered"]:
            drop = by_name.get(file.name)
            assert drop, "a result that nobody dropped, or a second one"
            drop.check(file)

    def finish(self) -> None:
        """Drop what is left, let the service work in peace, and hold the accounts against what was dropped."""
        while self.coming:
            self.drop_next()
        assert self.service.spawn("once").wait(FINISH_SECONDS) in (0, 1), "the service does not end its work"
        self.check_visible()
        self.check_accounts()

    def check_accounts(self) -> None:
        """Each drop ended once, in the right place; originals are where their policy says; no temp file stays."""
        ends = self.ends()
        wanted = {"faceless": "held", "damaged": "quarantined"}
        for end, files in ends.items():
            names = sorted(file.name.removesuffix(".facewarden.txt") for file in files)
            meant = sorted(drop.name for drop in self.dropped if wanted.get(drop.kind, "delivered") == end)
            missing, more = Counter(meant) - Counter(names), Counter(names) - Counter(meant)
            assert names == meant, f"{end}: missing {dict(missing)}, too many {dict(more)}; {self.reasons()}"
        for policy in POLICIES:
            there = {file.name: file.read_bytes() for file in seen(self.folder / policy)}
            kept = {drop.name: drop.data for drop in self.dropped if drop.policy == policy == "keep"}
            assert there == kept, f"{policy}: wrong originals"
        archived = {file.name: file.read_bytes() for file in seen(self.folder / "archive-archive")}
        assert archived == {
            drop.name: drop.data for drop in self.dropped if drop.policy == "archive" and drop.kind != "damaged"
        }
        assert not list(self.folder.rglob(".facewarden-*")), "a temp file stayed"
        self.check_no_coded_data()

    def reasons(self) -> dict[str, int]:
        """Why originals were quarantined, from the notes beside them."""
        notes = [note.read_text() for note in self.folder.rglob("*.txt")]
        lines = [line for note in notes for line in note.splitlines() if line.startswith("Reason:")]
        return dict(Counter(line.split(maxsplit=1)[1] for line in lines))

    def check_no_coded_data(self) -> None:
        """No outbox holds a piece of any original's coded data, damaged ones and those of other inboxes included."""
        outbox = b"\0".join(file.read_bytes() for file in self.ends()["delivered"])
        pieces = {outbox[start : start + WINDOW] for start in range(len(outbox) - WINDOW)}
        for drop in self.dropped:
            if drop.kind in ("portrait", "damaged"):
                coded = coded_data(drop.data)
                assert not any(coded[at : at + WINDOW] in pieces for at in range(0, len(coded) - WINDOW, WINDOW))

    def report(self, seconds: float) -> str:
        ends = ", ".join(f"{len(files)} {end}" for end, files in self.ends().items())
        kills = ", ".join(f"{count} while {moment}" for moment, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({kills}; {self.busy} with photos under way or waiting) in {seconds:.0f} s over {len(self.dropped)} photos: {ends}; "
            "nothing lost, nothing twice, nothing unredacted\n"
        )


def seen(folder: Path) -> list[Path]:
    """Files that are not hidden; none where the folder was not made yet."""
    return sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))


def run(folder: Path, kills: int, files: int, seed: int, minutes: float) -> str:
    """A storm in a fresh folder; returns its report. Raises AssertionError where something is wrong."""
    begin = time.monotonic()
    storm = Storm(folder, kills, files, seed)
    try:
        while storm.kills.total() < kills and time.monotonic() - begin < minutes * 60:
            storm.round()
        storm.finish()
    finally:
        storm.service.kill()
    told = storm.service.reconcile()
    assert told.returncode == 0, told.stdout
    return storm.report(time.monotonic() - begin)


def main() -> int:
    """Parse the arguments and run. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        sys.stdout.write(run(Path(folder), given.kills, given.files, given.seed, given.minutes))
    return 0


if __name__ == "__main__":
    sys.exit(main())

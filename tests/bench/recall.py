"""The table of docs/detection.md in one run: faces missed, area hidden for nothing and time, beside deface 1.5.0.

    python -m tests.bench.recall PHOTOS [--yunet WEIGHTS] [--only NAME...]

PHOTOS holds the labelled sets as folders with a `labels.json`: masks_small, crowd, grey_scenes, no_faces, large, groups.
Needs the `bench` extra. Darkened and turned copies of `groups` are made in a folder that goes away.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HARD = ("masks_small", "crowd", "grey_scenes")
ALTERED = ("0", "dark", "90", "180", "270")
HEADINGS = ("photos", "search", "faces", "missed", "of 24 px and more", "stray", "s a photo")


def main() -> None:
    """Print one line a set and search; deface's lines stand below ours."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--yunet", type=Path, help="weights of YuNet")
    parser.add_argument("--only", nargs="*", default=[], help="names of rows")
    given = parser.parse_args()
    say(HEADINGS)
    say(["---"] * len(HEADINGS))
    with tempfile.TemporaryDirectory() as folder:
        for name, labels, options, beside in rows(given.photos, given.yunet, Path(folder)):
            if not given.only or name in given.only:
                for line in measured(name, labels, options, Path(folder), beside=beside):
                    say(line)


def rows(photos: Path, yunet: Path | None, folder: Path) -> Iterator[tuple[str, list[Path], list[str], bool]]:
    """Each row's name, label files, options of `evaluate`, and whether deface is run beside it."""
    hard = [photos / name / "labels.json" for name in HARD]
    for name, labels in zip(HARD, hard, strict=True):
        yield name, [labels], [], True
    yield "the three together", hard, [], True
    yield "strict", hard, ["--profile", "strict"], False
    if yunet:
        yield "yunet", hard, ["--config", str(configuration(yunet, folder))], False
    for name in ("no_faces", "large"):
        yield name, [photos / name / "labels.json"], [], True
    for how in ALTERED:
        altered = folder / how
        source = photos / "groups" / "labels.json"
        command = [sys.executable, "-m", "tests.bench.altered", how, str(source), str(altered)]
        subprocess.run(command, check=True)
        yield f"groups {how}", [altered / "labels.json"], [], False


def configuration(yunet: Path, folder: Path) -> Path:
    """A configuration that adds YuNet to the default search."""
    weights = {"yunet": {"path": str(yunet.resolve()), "sha256": hashlib.sha256(yunet.read_bytes()).hexdigest()}}
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox"}
    file = folder / "facewarden.yaml"  # JSON is YAML
    file.write_text(json.dumps({"weights": weights, "defaults": {"detect": {"yunet": "plan"}}, "inboxes": [inbox]}))
    return file


def measured(
    name: str, labels: Sequence[Path], options: Sequence[str], folder: Path, *, beside: bool
) -> Iterator[list[str]]:
    """Lines of the table for one row, deface before ours so that both meet the same machine."""
    areas = folder / "areas.jsonl"
    if beside:
        with areas.open("w") as lines:
            subprocess.run([sys.executable, "tests/bench/deface_areas.py", *labels], check=True, stdout=lines)
        options = [*options, "--against", str(areas)]
    command = [sys.executable, "-m", "facewarden", "evaluate", *map(str, labels), *options, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    for search, figures in json.loads(done.stdout).items():
        if isinstance(figures, dict):
            yield line(name, "deface 1.5.0" if search == "against" else search, figures)


def line(name: str, search: str, figures: dict[str, Any]) -> list[str]:
    """One line of the table, its cells in the order of HEADINGS."""
    every, large = figures["all"], figures["24 and more"]
    missed = [f"{row['faces'] - row['hidden']} ({row['missed']:.2%})" for row in (every, large)]
    return [name, search, str(every["faces"]), *missed, f"{figures['stray']:.2%}", f"{figures['seconds_a_photo']:.3f}"]


def say(cells: Sequence[str]) -> None:
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()

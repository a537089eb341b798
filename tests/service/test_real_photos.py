"""The service on real photos, broken files and odd formats, all mixed in one inbox tree."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.daemon import Daemon, pixels_of

from facewarden.values import Pixels

EXIF_ORIENTATION = 0x0112


@pytest.mark.timeout(600)
def test_every_file_of_a_mixed_inbox_is_accounted_for(daemon: Daemon, eval_set: Path) -> None:
    """Each file ends as delivered or quarantined, none is missing, and a second `once` does nothing again."""
    daemon.configure({"workers": "auto"}, originals="archive")
    for folder, step in (("masks_small/images", 20), ("formats", 6), ("hostile", 10), ("orientation", 3)):
        for source in sorted((eval_set / folder).iterdir())[::step]:
            if not source.name.startswith("."):
                daemon.drop(f"{folder}/{source.name}", source.read_bytes())
    dropped = {path.relative_to(daemon.inbox) for path in daemon.inbox.rglob("*") if path.is_file()}
    daemon.once()
    jobs = daemon.told("job")
    assert len(jobs) == len(dropped)
    assert {job["outcome"] for job in jobs} == {"published", "quarantined"}
    assert not daemon.told("unforeseen")
    assert not daemon.told("worker_died"), "a file of the set makes workers die"
    quarantined = {path.relative_to(daemon.quarantine) for path in _originals(daemon.quarantine)}
    archived = {path.relative_to(daemon.archive) for path in _originals(daemon.archive)}
    assert quarantined | archived == dropped
    assert not quarantined & archived
    assert len(daemon.results()) == len(archived)
    assert not [path for path in daemon.inbox.rglob("*") if path.is_file()]
    daemon.once()
    assert not daemon.told("job")


def _originals(folder: Path) -> list[Path]:
    report = re.compile(r"\.facewarden-[0-9a-f]+\.txt$")
    return [path for path in folder.rglob("*") if path.is_file() and not report.search(path.name)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["Landscape", "Portrait"])
def test_all_orientations_come_out_upright(daemon: Daemon, eval_set: Path, name: str) -> None:
    """Whatever the EXIF orientation, the result is the upright photo, but for what was taken for a face in it."""
    daemon.configure({"workers": "auto"}, output={"format": "png"}, detect={}, redact={"safety_frame": False})
    originals = [eval_set / "orientation" / f"{name}_{number}.jpg" for number in range(1, 9)]
    for original in originals:
        shutil.copyfile(original, daemon.inbox / original.name)
    assert daemon.once() == 0
    for number, original in enumerate(originals, 1):
        with Image.open(original) as stored:
            assert stored.getexif()[EXIF_ORIENTATION] == number
            upright = np.array(ImageOps.exif_transpose(stored))
        result: Pixels = pixels_of(daemon.outbox / f"{original.stem}.png")
        assert result.shape == upright.shape
        # Two decoders of JPEG may differ by one; a photo that lies wrong differs nearly everywhere.
        assert (np.abs(result.astype(int) - upright) > 2).any(axis=2).mean() < 0.05


@pytest.mark.timeout(300)
def test_invalid_orientations_are_harmless(daemon: Daemon, eval_set: Path) -> None:
    """A broken orientation value changes nothing: the photo is delivered as it is stored."""
    sources = sorted((eval_set / "orientation_invalid" / "images").iterdir())
    for source in sources:
        daemon.drop(source.name, source.read_bytes())
    assert daemon.once() == 0
    assert len(daemon.results()) == len(sources)

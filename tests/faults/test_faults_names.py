"""A photo's trouble is not its folder's: a name or a size that a folder does not take costs that photo alone."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.daemon import wait_until
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault


def originals(folder: Path) -> dict[str, bytes]:
    """What lies in a quarantine, without its reports."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".txt"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def refused_alone(service: Harness, ledger: Ledger, original: bytes) -> str:
    """One photo was refused for its name or size, and the next one is delivered; returns where its original lies."""
    wait_until(lambda: service.told("job"), "the odd one has its outcome")
    (line,) = service.told("job")
    assert (line["outcome"], line["reason_name"]) == ("quarantined", "name_refused")
    name = ledger.drop(service.inbox, 2)
    wait_until((service.outbox / name).exists, "the next one is delivered")
    assert not service.told("folder_out_of_reach")
    assert service.stop() == 0
    ((place, found),) = originals(service.quarantine).items()
    assert found == original
    service.reconciled(2)
    return place


@fault("a name or a size that a folder does not take")
def test_a_file_stands_where_a_subfolder_belongs(service: Harness, ledger: Ledger) -> None:
    """The mirrored folder cannot be made: its photo waits in quarantine under its own name."""
    (service.outbox / "2024").write_text("somebody's notes")
    (service.inbox / "2024").mkdir()
    service.configure(originals="archive")
    ledger.drop(service.inbox / "2024", 1)
    del ledger.dropped["photo-1.jpg"]
    original = (service.inbox / "2024" / "photo-1.jpg").read_bytes()
    service.start()
    assert refused_alone(service, ledger, original) == "2024/photo-1.jpg"
    assert (service.outbox / "2024").read_text() == "somebody's notes"


@fault("a name or a size that a folder does not take")
@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EISDIR])
@pytest.mark.parametrize("place", ["odd.jpg", "odd/photo-1.jpg"])
def test_a_name_that_a_file_system_does_not_take(service: Harness, ledger: Ledger, number: int, place: str) -> None:
    """As encrypted, Windows' and strict file systems answer: in outbox and quarantine alike, so both names are plain."""
    service.environment |= {"FAULT_ERRNO": str(number), "FAULT_NAME": "odd"}
    service.module = "tests.faults.entry"
    service.configure(originals="archive")
    service.start()
    (service.inbox / place).parent.mkdir(exist_ok=True)
    ledger.drop(service.inbox, 1)
    del ledger.dropped["photo-1.jpg"]
    original = (service.inbox / "photo-1.jpg").read_bytes()
    (service.inbox / "photo-1.jpg").rename(service.inbox / place)
    found = refused_alone(service, ledger, original)
    assert found.startswith("facewarden-") if "/" in place else found == place


@fault("a name or a size that a folder does not take")
def test_an_archive_that_does_not_take_the_name(service: Harness, ledger: Ledger) -> None:
    """The original is archived under a plain one, and owed no more."""
    service.archive.mkdir()
    (service.archive / "2024").write_text("somebody's notes")
    (service.inbox / "2024").mkdir()
    service.configure(originals="archive")
    original = ledger.drop(service.inbox / "2024", 1)
    data = (service.inbox / "2024" / original).read_bytes()
    service.start()
    wait_until(lambda: service.told("job"), "it is delivered")
    assert service.stop() == 0
    assert service.owed() == 0
    (archived,) = service.archive.glob("facewarden-*.jpg")
    assert archived.read_bytes() == data


@fault("a name or a size that a folder does not take")
def test_a_result_larger_than_the_file_system_takes(service: Harness, ledger: Ledger) -> None:
    """EFBIG, as of 4 GB on FAT: here the limit of the process (prlimit(1))."""
    if not shutil.which("prlimit"):
        pytest.skip("prlimit(1) is not at hand")
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    service.launcher = ["prlimit", "--fsize=600000"]
    service.configure(originals="archive", output={"format": "png"})
    service.start()
    Image.fromarray(noise).save(service.inbox / "large.jpg.part", "JPEG", quality=70)
    original = (service.inbox / "large.jpg.part").read_bytes()
    (service.inbox / "large.jpg.part").rename(service.inbox / "large.jpg")
    assert len(original) < 600_000
    wait_until(lambda: service.told("job"), "it has its outcome")
    assert service.told("job")[0]["reason_name"] == "name_refused"
    assert not service.told("folder_out_of_reach")
    assert service.stop() == 0
    assert originals(service.quarantine) == {"large.jpg": original}


@fault("errors of a share")
@pytest.mark.parametrize("trouble", ["a folder", "a pipe", "no folder"])
def test_an_earlier_result_that_cannot_be_read_is_a_miss(service: Harness, ledger: Ledger, trouble: str) -> None:
    """The same photo again is worked on anew, and no inbox is put aside for it."""
    first = ledger.drop(service.inbox, 1)
    service.start()
    wait_until((service.outbox / first).exists, "the first one is delivered")
    if trouble == "no folder":
        assert service.stop() == 0
    spoil(service.folder / "state" / "results", trouble)
    if trouble == "no folder":
        service.start()
    second = service.inbox / "again.jpg"
    second.write_bytes((service.inbox / first).read_bytes())
    wait_until((service.outbox / "again.jpg").exists, "the second one is delivered")
    third = service.inbox / "once-more.jpg"
    third.write_bytes(second.read_bytes())
    wait_until((service.outbox / "once-more.jpg").exists, "and so is the third one")
    assert not service.told("folder_out_of_reach")
    assert len(service.told("result_not_read")) <= 1
    assert service.stop() == 0


def spoil(results: Path, trouble: str) -> None:
    """Put something else in the place of every earlier result, or of their folder."""
    if trouble == "no folder":
        shutil.rmtree(results)
        results.write_text("no folder")
        return
    for file in results.iterdir():
        file.unlink()
        if trouble == "a folder":
            file.mkdir()
        else:
            os.mkfifo(file)

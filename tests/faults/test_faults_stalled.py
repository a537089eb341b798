"""Half a picture is never delivered: copiers that give a file its size first, fall silent in the middle, or write on afterwards."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from tests.daemon import pixels_of, wait_until
from tests.faults.harness import Harness, check_redacted
from tests.faults.table import fault
from tests.portraits import portrait, portrait_pixels

SILENCE = 2.5
"""Seconds: much longer than the quiet time of these tests, 0.2."""


def picture(kind: str) -> bytes:
    """A portrait in this format, of some hundred kilobytes."""
    image, file = Image.fromarray(portrait_pixels(1)), io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, quality=95)
    else:
        image.save(file, kind, **({"quality": 95} if kind == "WEBP" else {}))
    return file.getvalue()


def begun(path: Path, data: bytes) -> int:
    """A copy with its whole size and 60 % of its bytes; returns the open file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(descriptor, len(data))
    os.pwrite(descriptor, data[: len(data) * 6 // 10], 0)
    return descriptor


def ended(descriptor: int, data: bytes) -> None:
    start = len(data) * 6 // 10
    os.pwrite(descriptor, data[start:], start)
    os.close(descriptor)


def assert_whole(result: Path) -> None:
    """The first rows and the last, which no area covers, are the portrait's."""
    change = np.abs(pixels_of(result)[..., :3].astype(int) - portrait_pixels(1))
    assert change[:8].mean() < 12
    assert change[-12:].mean() < 12


def rest(service: Harness) -> None:
    """Let so much time pass that a photo dropped now would be read several times over, by dropping one that proves it."""
    service.drop("meanwhile.png", picture("PNG"))
    wait_until((service.outbox / "meanwhile.png").exists, "another photo goes through")
    begin = os.times().elapsed
    wait_until(lambda: os.times().elapsed - begin > SILENCE, "the silence ends")


@fault("a copier that stalls")
@pytest.mark.parametrize("originals", ["delete", "archive"])
@pytest.mark.parametrize(("kind", "suffix"), [("HEIF", "heic"), ("WEBP", "webp"), ("BMP", "bmp")])
def test_a_file_that_is_still_open_is_waited_for(service: Harness, originals: str, kind: str, suffix: str) -> None:
    """60 % of a photo, silence, then the rest: as long as its writer has it open nothing of it is read, and it goes whole."""
    service.configure(originals=originals)
    service.start()
    data, path = picture(kind), service.inbox / f"a.{suffix}"
    copier = begun(path, data)
    rest(service)
    assert path.exists()
    assert len(service.results()) == 1
    ended(copier, data)
    wait_until(lambda: not path.exists(), "it is done")
    assert service.stop() == 0
    assert len(service.results()) == 2
    (result,) = set(service.results()) - {service.outbox / "meanwhile.png"}
    assert_whole(result)
    assert not list(service.quarantine.glob("*"))
    service.reconciled(2)


@fault("a copier that stalls")
def test_a_hollow_file_is_given_more_time(service: Harness) -> None:
    """Its writer has closed it, and a part of it is a hole: it waits ten quiet times, and goes whole if the rest comes by then."""
    service.configure(originals="delete", settle=1.0)
    service.start()
    data, path = picture("BMP"), service.inbox / "a.bmp"
    os.close(begun(path, data))
    rest(service)
    assert path.exists()
    ended(os.open(path, os.O_RDWR), data)
    wait_until(lambda: not path.exists(), "it is done")
    assert service.stop() == 0
    assert_whole(service.outbox / "a.bmp")


@fault("a copier that stalls")
def test_a_file_that_stays_hollow_is_not_delivered(service: Harness) -> None:
    """Rows without bytes of their own are no picture: it goes into quarantine as truncated, whole as it is."""
    service.configure(originals="delete")
    data, path = picture("BMP"), service.inbox / "a.bmp"
    os.close(begun(path, data))
    assert service.once() == 1
    assert not service.results()
    (note,) = service.quarantine.glob("*.txt")
    assert "truncated" in note.read_text()
    assert (service.quarantine / "a.bmp").stat().st_size == len(data)


@fault("a copier that stalls")
def test_zeros_at_the_end_are_waited_for_too(service: Harness) -> None:
    """Where zeros were written in place of what is to come, a picture of rows with a black end waits, and is delivered then."""
    service.configure(settle=0.5)
    dark = portrait_pixels(1).copy()
    dark[:60] = 0  # what comes last in a BMP is the top
    file = io.BytesIO()
    Image.fromarray(dark).save(file, "BMP")
    service.drop("dark.bmp", file.getvalue())
    service.start()
    assert "growing or just dropped" in service.tell("explain", str(service.inbox / "dark.bmp")).stdout
    (job,) = wait_until(lambda: service.told("job"), "it is delivered")
    assert job["outcome"] == "published"
    assert job["wait_s"] >= 5
    assert service.stop() == 0


@fault("a copier that stalls")
@pytest.mark.parametrize("originals", ["keep", "archive"])
def test_a_refused_placeholder_that_is_filled_is_a_new_drop(service: Harness, originals: str) -> None:
    """Found empty and quarantined, then written by a program on another machine: it is delivered, and its note goes."""
    service.configure(originals=originals)
    placeholder = service.drop("a.jpg", b"")
    service.start()
    wait_until(lambda: service.told("job"), "it is refused as empty")
    assert service.told("job")[0]["reason_name"] == "empty"
    wait_until(lambda: list(service.quarantine.glob("*.txt")), "a note tells of it")
    lies = placeholder if originals == "keep" else service.quarantine / "a.jpg"
    lies.write_bytes(portrait(1))
    wait_until(service.results, "it is delivered")
    wait_until(lambda: originals == "keep" or list(service.archive.glob("*")), "its original is archived")
    assert service.stop() == 0
    check_redacted(service.outbox / "a.jpg", 1)
    assert not list(service.quarantine.iterdir())
    assert bool(service.told("taken_back")) == (originals == "archive")
    service.reconciled(1)

"""Fail closed beside zones and pages: what has no face waits for a person, with all that shows it."""

from __future__ import annotations

import io

from PIL import Image
from tests.faults.harness import Harness
from tests.faults.storm import wall
from tests.portraits import portrait, portrait_pixels

ZONES = {"always": [{"rectangle": [0, "90%", "100%", "10%"]}]}


def test_a_zone_is_no_face(service: Harness) -> None:
    """A photo without a face is held although a part of it is always hidden; one with a face is delivered."""
    service.configure(without_face="hold", zones=ZONES)
    service.drop("nobody.png", wall(3))
    service.drop("somebody.jpg", portrait(1))
    assert service.once() == 0
    assert [path.name for path in service.results()] == ["somebody.jpg"]
    assert (service.hold / "nobody.png").exists()
    service.drop("nobody-again.png", wall(3))
    assert service.once() == 0
    assert (service.hold / "nobody-again.png").exists()


def test_a_held_results_preview_waits_with_it(service: Harness) -> None:
    """It is not among the previews before it is released, and is there afterwards."""
    folder = service.folder / "previews"
    folder.mkdir()
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox", "preview": "previews"}
    service.configure({"inboxes": [inbox]}, without_face="hold")
    service.drop("nobody.png", wall(3))
    assert service.once() == 0
    assert not list(folder.iterdir())
    assert service.tell("release", str(service.hold / "nobody.png")).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["nobody.png.preview.jpg"]
    assert not list(service.hold.iterdir())


def test_a_page_without_a_face_is_told_beside_the_held_document(service: Harness) -> None:
    """A document waits for a person where a face was found on some of its pages only; the note names the others."""
    pages = [Image.fromarray(portrait_pixels(1)), Image.open(io.BytesIO(wall(5))).convert("RGB")]
    for kind in ("TIFF", "PDF"):
        file = io.BytesIO()
        pages[0].save(file, kind, save_all=True, append_images=pages[1:])
        service.drop(f"document.{kind.lower()}", file.getvalue())
    service.configure(without_face="hold")
    assert service.once() == 0
    assert not service.results()
    notes = [path.read_text() for path in service.hold.glob("*.txt")]
    assert len(notes) == 2
    assert all("no face was found on page 2 of 2" in note and "facewarden release" in note for note in notes)
    assert service.tell("release", str(service.hold / "document.tiff")).returncode == 0
    assert len(list(service.hold.glob("*.txt"))) == 1

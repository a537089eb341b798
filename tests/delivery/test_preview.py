"""The preview: small, made of redacted pixels alone, beside its result in name, and never in its way."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.daemon import Daemon, pixels_of
from tests.test_regions import region

from facewarden.delivery import preview
from facewarden.regions import Coverage
from facewarden.replies import Reply
from facewarden.values import Frame, Picture, Pixels, Region

GREEN = (0, 255, 0)


def reply_of(*frames: Pixels, found: tuple[Region, ...] = ()) -> Reply:
    picture = Picture("PNG", tuple(map(Frame, frames)))
    sizes = tuple((pixels.shape[1], pixels.shape[0]) for pixels in frames)
    return Reply(picture, sizes, (found,) * len(frames), 0, {})


def opened(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert image.mode == "RGB"
        assert not image.getexif()
        return np.array(image)


def like(pixels: Pixels, colour: tuple[int, int, int], tolerance: int = 60) -> Coverage:
    return np.asarray((np.abs(pixels.astype(int) - colour) < tolerance).all(axis=2))


@pytest.mark.parametrize(
    ("size", "expected"), [((4000, 3000), (1024, 768)), ((300, 900), (300, 900)), ((1, 9999), (1, 1024))]
)
def test_a_single_photo_is_reduced_to_a_sheet(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """At most 1024 pixels a side, in proportion; a smaller photo stays as large as it is."""
    assert opened(preview.sheet(reply_of(np.full(size, 90, dtype=np.uint8)))).shape[:2] == expected


def test_areas_are_framed_and_scored() -> None:
    """A green outline where each area is, and its score above it, whatever the size of the photo."""
    for scale in (1, 6):
        area = Region(200.0 * scale, 150.0 * scale, 200.0 * scale, 100.0 * scale, 0.87, "centerface", "rectangle")
        sheet = opened(
            preview.sheet(reply_of(np.full((500 * scale, 1000 * scale, 3), 90, dtype=np.uint8), found=(area,)))
        )
        factor = sheet.shape[1] / 1000
        green = like(sheet, GREEN)
        rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
        assert rows[-1] == pytest.approx(250 * factor, abs=3)
        assert (columns[0], columns[-1]) == pytest.approx((200 * factor, 400 * factor), abs=3)
        above = np.s_[
            round(150 * factor) - 14 : round(150 * factor) - 2, round(200 * factor) : round(200 * factor) + 30
        ]
        assert like(sheet, GREEN, 140)[above].any(), "no score is written"


def test_of_very_many_areas_the_largest_are_drawn() -> None:
    """Twenty thousand would take minutes; the sheet says how many there are."""
    large = Region(200.0, 150.0, 200.0, 100.0, 0.87, "centerface", "rectangle")
    small = [Region(900.0, 100.0 + 0.01 * number, 4.0, 4.0, 0.3, "centerface", "rectangle") for number in range(20_000)]
    green = like(opened(preview.sheet(reply_of(np.full((500, 1000, 3), 90, np.uint8), found=(*small, large)))), GREEN)
    assert green[200, 198:203].any(), "the large one is drawn, though it comes last"
    assert not green[130:300, 890:920].any(), "of the small ones only the first are"
    assert green[480:, :150].any(), "how many there are is written"


def test_several_frames_stand_in_a_grid() -> None:
    """Each frame in its place; of many, sixteen taken evenly, and the sheet says how many there are."""
    frames = [np.full((50, 80, 3), 10 * number, dtype=np.uint8) for number in range(4)]
    sheet = opened(preview.sheet(reply_of(*frames)))
    assert sheet.shape == (1024, 1024, 3)
    seen = [int(sheet[row, column, 0]) for row in (256, 768) for column in (256, 768)]
    assert np.abs(np.array(seen) - (0, 10, 20, 30)).max() <= 3
    many = opened(preview.sheet(reply_of(*[np.full((50, 80), number, dtype=np.uint8) for number in range(250)])))
    assert abs(int(many[128 + 3 * 256, 128 + 3 * 256, 0]) - 15 * 250 // 16) <= 3
    assert like(many[:14, :120], GREEN).any()


def test_transparency_is_laid_on_white() -> None:
    """As the other formats without alpha have it."""
    assert (opened(preview.sheet(reply_of(np.zeros((40, 40, 4), dtype=np.uint8)))) > 250).all()


@settings(max_examples=60)
@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.sampled_from([None, 3, 4]),
    st.lists(st.builds(region, *[st.floats(-1e6, 1e6)] * 2, *[st.floats(1e-3, 1e6)] * 2), max_size=5),
)
def test_whatever_passed_the_border_can_be_drawn(
    height: int, width: int, channels: int | None, found: list[Region]
) -> None:
    """Any frame and any regions that `replies` lets through give a sheet."""
    shape = (height, width) if channels is None else (height, width, channels)
    sheet = opened(preview.sheet(reply_of(np.zeros(shape, dtype=np.uint8), found=tuple(found))))
    assert max(sheet.shape) <= preview.SIDE


def configured(daemon: Daemon, **profile: Any) -> None:
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox", "preview": "preview"}
    daemon.configure({"inboxes": [inbox]}, **profile)


def test_each_result_has_a_preview_of_what_left(daemon: Daemon, astronaut: Pixels, portrait: Any) -> None:
    """Published results have one under their own name and a number of their own, which never shows the face; held ones wait."""
    configured(daemon, without_face="hold", originals="delete")
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "PNG")
    daemon.drop("ward/someone.png", buffer.getvalue())
    daemon.drop("wall.png", _wall())
    daemon.drop("cut.jpg", portrait(1)[:-900])
    assert daemon.once() == 1
    folder = daemon.folder / "preview"
    sheet = pixels_of(folder / "ward" / "someone.png.preview.jpg")
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
    change = np.abs(astronaut.astype(int) - sheet)
    assert change[100:150, 190:250].mean() > 25
    assert change[300:].mean() < 6
    assert "preview_s" in daemon.told("job")[0]
    daemon.drop("ward/someone.png", buffer.getvalue() + b"\0")
    assert daemon.once() == 0
    assert (folder / "ward" / "someone-2.png.preview.jpg").exists()


def test_a_preview_that_cannot_be_written_costs_nothing(daemon: Daemon, portrait: Any) -> None:
    """The result is there, the original is retired, the log says so, and the exit code is 0."""
    configured(daemon, originals="delete")
    (daemon.folder / "preview").mkdir()
    (daemon.folder / "preview" / "ward").write_bytes(b"in the way")
    daemon.drop("ward/someone.jpg", portrait(1))
    assert daemon.once() == 0
    assert [path.name for path in daemon.results()] == ["someone.jpg"]
    assert not (daemon.inbox / "ward/someone.jpg").exists()
    assert daemon.told("preview_not_written")
    assert daemon.told("job")[0]["outcome"] == "published"


def test_without_the_key_there_is_none(daemon: Daemon, portrait: Any) -> None:
    """Previews are off by default, and their folder is not made."""
    daemon.drop("someone.jpg", portrait(1))
    assert daemon.once() == 0
    assert not (daemon.folder / "inbox-preview").exists()


def _wall() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(buffer, "PNG")
    return buffer.getvalue()

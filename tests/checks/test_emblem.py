"""The emblem for style `image`: one that cannot be drawn is told at the start, and never costs a face its cover."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.test_cli import FAST, facewarden
from tests.daemon import Daemon, pixels_of

from facewarden import config
from facewarden.config.recipe import read_emblem
from facewarden.errors import CONFIGURATION, CannotStart, Exit
from facewarden.values import EMBLEM, Pixels, Recipe


@pytest.fixture
def emblem(tmp_path: Path) -> Path:
    """A blue disc on a transparent ground."""
    across, down = np.indices((64, 64)) - 31.5
    pixels = np.zeros((64, 64, 4), dtype=np.uint8)
    pixels[np.hypot(across, down) < 32] = (0, 0, 255, 255)
    Image.fromarray(pixels).save(tmp_path / "emblem.png")
    return tmp_path / "emblem.png"


def is_covered_in_blue(after: Pixels) -> bool:
    """Whether the middle of the portrait's face is the emblem's colour."""
    return bool((np.abs(after[100:140, 200:250].astype(int) - (0, 0, 255)) < 8).all())


def test_an_inbox_draws_its_emblem(daemon: Daemon, astronaut: Pixels, emblem: Path) -> None:
    """The path starts at the configuration's folder; another emblem makes the same photo a new one."""
    daemon.configure(redact={"style": "image", "emblem": "emblem.png"})
    Image.fromarray(astronaut).save(daemon.inbox / "one.png")
    assert daemon.once() == 0
    assert is_covered_in_blue(pixels_of(daemon.outbox / "one.png"))
    Image.new("RGB", (9, 9), "red").save(emblem)
    Image.fromarray(astronaut).save(daemon.inbox / "two.png")
    assert daemon.once() == 0
    assert not is_covered_in_blue(pixels_of(daemon.outbox / "two.png"))


def test_redact_draws_an_emblem(tmp_path: Path, astronaut: Pixels, emblem: Path) -> None:
    """From the command line too."""
    Image.fromarray(astronaut).save(tmp_path / "one.png")
    options = ("--style", "image", "--emblem", emblem, *FAST)
    done = facewarden("redact", tmp_path / "one.png", "-o", tmp_path / "out", *options)
    assert done.returncode == Exit.FINE, done.stderr
    assert is_covered_in_blue(pixels_of(tmp_path / "out" / "one.png"))


def test_redact_without_its_emblem_starts_nothing(tmp_path: Path, astronaut: Pixels) -> None:
    """The style alone is a wrong usage, told with the key, and no file is written."""
    Image.fromarray(astronaut).save(tmp_path / "one.png")
    done = facewarden("redact", tmp_path / "one.png", "-o", tmp_path / "out", "--style", "image", *FAST)
    assert done.returncode == Exit.USAGE
    assert "redact.emblem: style image needs a picture file" in done.stderr
    assert not (tmp_path / "out").exists()


BAD = {
    "missing": (None, "cannot be read (No such file or directory)"),
    "empty": (b"", "empty"),
    "too many bytes": (b"\0" * (EMBLEM.bytes + 1), "larger than 1 MB"),
    "no picture": (b"these are words" * 99, "no known picture format"),
    "too many pixels": ((1001, 1000), "more pixels"),
    "cut off": (500, "ends before its picture"),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", BAD)
def test_an_emblem_that_cannot_be_drawn_stops_the_start(
    daemon: Daemon, emblem: Path, portrait: Callable[[int], bytes], kind: str
) -> None:
    """`once` and `check` name its key, not its path; no photo is touched; exit code of a wrong configuration."""
    content, sentence = BAD[kind]
    if content is None:
        emblem.unlink()
    elif isinstance(content, tuple):
        Image.new("L", content).save(emblem)
    else:
        emblem.write_bytes(content if isinstance(content, bytes) else portrait(1)[:content])
    daemon.configure(redact={"style": "image", "emblem": "emblem.png"})
    daemon.drop("one.jpg", portrait(1))
    for command in ("once", "check"):
        done = facewarden(command, "-c", daemon.file)
        assert done.returncode == Exit.USAGE
        told = done.stdout + done.stderr
        assert "inboxes[0].redact.emblem: " in told
        assert sentence in " ".join(told.split())
        assert "emblem.png" not in told
    assert not daemon.results()
    assert not list(daemon.quarantine.rglob("*"))


def test_check_opens_a_good_emblem(daemon: Daemon, emblem: Path) -> None:
    """And warns of nothing: the style is not cosmetic."""
    daemon.configure(redact={"style": "image", "emblem": "emblem.png"})
    done = facewarden("check", "-c", daemon.file)
    assert "redact" not in done.stdout
    assert "configuration: 1 inboxes" in done.stdout


def test_an_emblem_belongs_to_its_style(emblem: Path) -> None:
    """Other styles take none along; the recipe names it by its content."""
    with pytest.raises(CannotStart) as refused:
        read_emblem(None)
    assert refused.value.reason is CONFIGURATION
    profile = config.Profile.model_validate({"redact": {"emblem": emblem}})
    assert config.recipe_of(profile, EMBLEM).emblem == b""
    one, other = (Recipe({}, style="image", emblem=content) for content in (b"one", b"other"))
    assert one.to_json() != other.to_json()
    assert Recipe.from_json(one.to_json(), b"one") == one

"""What libraries say about a file reaches nobody: libtiff and libjpeg put words and numbers of it into their lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import damage
from tests.daemon import Daemon

from facewarden.errors import REASONS, Exit

DAMAGED: dict[str, Callable[[], bytes]] = {
    "lzw.tif": lambda: damage.overwritten(damage.KINDS["TIFF, LZW"]()),
    "fax.tif": lambda: damage.overwritten(damage.KINDS["TIFF, CCITT group 4"]()),
    "zip.tif": lambda: damage.overwritten(damage.KINDS["TIFF, deflate"]()),
    "jpeg.tif": lambda: damage.overwritten(damage.KINDS["TIFF, JPEG"]()),
    "half.tif": lambda: damage.KINDS["TIFF, LZW"]()[:9000],
    "hole.jpg": lambda: damage.hole(damage.saved("JPEG", quality=95)),
    "half.jpg": lambda: damage.saved("JPEG", quality=95)[:9000],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    for name, make in DAMAGED.items():
        (folder / name).write_bytes(make())
    return folder


def test_libtiff_would_speak(folder: Path) -> None:
    """The control: Pillow by itself lets it print to descriptor 2."""
    code = "import sys; from PIL import Image; Image.open(sys.argv[1]).load()"
    done = subprocess.run([sys.executable, "-c", code, folder / "lzw.tif"], capture_output=True, check=False, text=True)
    assert "code not yet in table" in done.stderr


def test_the_command_line_says_its_own_words_alone(folder: Path, tmp_path: Path) -> None:
    """`redact` prints counts with the reasons' sentences, `detect` nothing there."""
    sentences = {reason.sentence() for reason in REASONS.values()}
    command = [sys.executable, "-m", "facewarden", "redact", str(folder), "-o", str(tmp_path / "out"), "--workers", "1"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == Exit.SOME_FAILED
    said = [line.strip().split(maxsplit=1)[1] for line in done.stderr.splitlines() if line.strip()]
    assert said
    assert set(said) <= sentences | {"redacted"}
    command = [sys.executable, "-m", "facewarden", "detect", str(folder), "--workers", "1"]
    assert not subprocess.run(command, capture_output=True, check=False, text=True).stderr


def test_the_service_logs_its_own_lines_alone(daemon: Daemon) -> None:
    """`once` writes JSON to stderr, line by line, as `run` does."""
    for name, make in DAMAGED.items():
        daemon.drop(name, make())
    daemon.once()
    assert len(list(daemon.quarantine.glob("*.facewarden.txt"))) == len(DAMAGED)
    # Counts of outcomes end it.
    told = [line for line in daemon.log if line.strip() and not re.fullmatch(r"\s*\d+ [a-z]+", line)]
    assert all(isinstance(json.loads(line), dict) for line in told)

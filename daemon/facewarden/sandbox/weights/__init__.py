"""Where the detectors' weights lie, and the proof that they are the ones expected.

Weights are neither committed nor downloaded at run time: the build puts them into the package's folder `weights/`,
beside the manifest that names each file's size, SHA-256, licence and origin (the build reads the same manifest).
Whoever can alter them can blind the search, so their SHA-256 is compared each time before a library parses them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib

from facewarden.errors import WEIGHTS_ALTERED, WEIGHTS_MISSING, CannotStart
from facewarden.values import DetectorName

FOLDER = pathlib.Path(__file__).resolve().parent
MANIFEST = "manifest.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Weights:
    """One detector's weights: file name, size in bytes, SHA-256 in lower-case hex, licence, package of origin."""

    file: str
    size: int
    sha256: str
    licence: str
    origin: str


def expected(detector: DetectorName, folder: pathlib.Path = FOLDER) -> Weights:
    """What the manifest says of one detector's weights. Raises CannotStart(WEIGHTS_MISSING) if it says nothing."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise CannotStart(WEIGHTS_MISSING) from error
    for file, said in manifest.items():
        if said["used_by"] == detector:
            origin = "{package} {version}".format(**said["origin"])
            return Weights(file, said["bytes"], said["sha256"], said["licence"], origin)
    raise CannotStart(WEIGHTS_MISSING)


def read(detector: DetectorName, folder: pathlib.Path = FOLDER) -> bytes:
    """Return the bytes of one detector's weights once they are proved to be the expected ones.

    Raises CannotStart with WEIGHTS_MISSING where the file cannot be read, with WEIGHTS_ALTERED where it differs.
    """
    weights = expected(detector, folder)
    try:
        with (folder / weights.file).open("rb") as file:
            # One byte more than expected is enough to tell that a file is too long, however long it is.
            content = file.read(weights.size + 1)
    except OSError as error:
        raise CannotStart(WEIGHTS_MISSING) from error
    if len(content) != weights.size or hashlib.sha256(content).hexdigest() != weights.sha256:
        raise CannotStart(WEIGHTS_ALTERED)
    return content

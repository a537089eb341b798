"""How many labelled faces are hidden, and how much else: the figures of `facewarden evaluate`.

A face counts as hidden when at least 75 % of its rectangle is covered by the areas that would be redacted. Stray area
is the share of a photo that is covered away from every labelled or ignored face, each grown to twice its size.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from facewarden import regions
from facewarden.errors import CONFIGURATION, CannotStart
from facewarden.files import givenfile
from facewarden.regions import Coverage
from facewarden.values import Region, Shape

HIDDEN_SHARE = 0.75
STRAY_GROWTH = 2.0

HEIGHTS: tuple[tuple[float, float, str], ...] = (
    (0, 12, "under 12"),
    (12, 16, "12-16"),
    (16, 24, "16-24"),
    (24, 32, "24-32"),
    (32, 64, "32-64"),
    (64, math.inf, "over 64"),
)
"""Classes of a face's height in pixels: from, up to, name."""

Rectangle = tuple[float, float, float, float]


class Labelled(BaseModel):
    """One photo of a label file: where it lies, its faces, and rectangles that are neither face nor stray."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    file: str
    faces: list[Rectangle]
    ignore: list[Rectangle] = []


class _Area(BaseModel):
    x: float
    y: float
    width: float
    height: float
    shape: Shape = "ellipse"


class Predicted(BaseModel):
    """One line of predictions, as `facewarden detect --json` prints them; `seconds` is optional."""

    file: str
    width: int
    height: int
    regions: list[_Area]
    seconds: float | None = None

    def areas(self) -> list[Region]:
        return [
            Region(area.x, area.y, area.width, area.height, 1.0, "centerface", area.shape)
            for area in self.regions
            if area.width > 0 and area.height > 0
        ]


@dataclasses.dataclass(slots=True)
class Figures:
    """Sums over photos. `faces` and `hidden` by class of height; stray shares and times one a photo."""

    faces: dict[str, int] = dataclasses.field(default_factory=lambda: {name: 0 for *_, name in HEIGHTS})
    hidden: dict[str, int] = dataclasses.field(default_factory=lambda: {name: 0 for *_, name in HEIGHTS})
    strays: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    megapixels: float = 0.0

    def add(self, labelled: Labelled, areas: Sequence[Region], width: int, height: int, seconds: float | None) -> None:
        """Count one photo of `width` by `height` pixels in which `areas` would be redacted."""
        covered = regions.coverage(areas, height, width)
        for face in labelled.faces:
            name = next(name for low, high, name in HEIGHTS if low <= face[3] < high)
            self.faces[name] += 1
            self.hidden[name] += _share(covered, face) >= HIDDEN_SHARE
        self.strays.append(_stray(covered, [*labelled.faces, *labelled.ignore]))
        self.megapixels += width * height / 1e6
        if seconds is not None:
            self.seconds.append(seconds)

    def row(self, names: Iterable[str]) -> dict[str, Any]:
        """Faces, hidden, miss rate and its 95 % interval over some classes of height."""
        names = list(names)
        faces, hidden = sum(self.faces[name] for name in names), sum(self.hidden[name] for name in names)
        low, high = wilson(faces - hidden, faces)
        missed = (faces - hidden) / faces if faces else 0.0
        return {"faces": faces, "hidden": hidden, "missed": missed, "missed_95": [low, high]}

    def summary(self) -> dict[str, Any]:
        """All figures as plain numbers, for JSON."""
        by_height = {name: self.row([name]) for *_, name in HEIGHTS}
        photos = len(self.strays)
        return {
            "photos": photos,
            "by_height": by_height,
            "24 and more": self.row(name for low, _, name in HEIGHTS if low >= 24),
            "all": self.row(name for *_, name in HEIGHTS),
            "stray": sum(self.strays) / photos if photos else 0.0,
            "seconds_a_photo": sum(self.seconds) / len(self.seconds) if self.seconds else None,
            "seconds_a_megapixel": sum(self.seconds) / self.megapixels if self.seconds else None,
        }


def wilson(missed: int, faces: int) -> tuple[float, float]:
    """The 95 % interval of a share, 0..1 (Wilson, Journal of the American Statistical Association 22, 1927)."""
    if not faces:
        return 0.0, 1.0
    z = 1.96
    share = missed / faces
    middle = (share + z * z / (2 * faces)) / (1 + z * z / faces)
    half = z / (1 + z * z / faces) * math.sqrt(share * (1 - share) / faces + z * z / (4 * faces * faces))
    return max(0.0, middle - half), min(1.0, middle + half)


def read_labels(files: Sequence[Path]) -> list[tuple[Path, Labelled]]:
    """Every photo of some label files, its path taken from the label file's folder.

    Raises CannotStart(CONFIGURATION) with the place of each fault, never a file's name.
    """
    found: list[tuple[Path, Labelled]] = []
    for number, file in enumerate(files, 1):
        try:
            labelled = TypeAdapter(list[Labelled]).validate_json(givenfile.read(file))
        except ValidationError as error:
            raise CannotStart(CONFIGURATION, tuple(_faults(number, error))) from None
        except OSError as error:
            fault = f"label file {number}: cannot be read ({givenfile.why(error)})"
            raise CannotStart(CONFIGURATION, (fault,)) from None
        found += [(file.parent / entry.file, entry) for entry in labelled]
    return found


def _faults(number: int, error: ValidationError) -> list[str]:
    faults = [
        f"label file {number}: {'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}"
        for fault in error.errors()
    ]
    return [*faults[:20], *([f"… and {len(faults) - 20} more"] if len(faults) > 20 else [])]


def read_predictions(file: Path) -> Mapping[Path, Predicted]:
    """Predictions by the resolved path of their photo. Raises CannotStart(CONFIGURATION)."""
    try:
        lines = [json.loads(line) for line in givenfile.read(file).decode().splitlines() if line.strip()]
        predicted = [Predicted.model_validate(line) for line in lines if "error" not in line]
    except (OSError, ValueError):
        raise CannotStart(
            CONFIGURATION, ("the predictions are not lines as `facewarden detect --json` prints",)
        ) from None
    return {Path(entry.file).resolve(): entry for entry in predicted}


def _share(covered: Coverage, face: Rectangle) -> float:
    """The covered share of a face's rectangle, as far as it lies in the photo."""
    part = covered[_rows(face), _columns(face)]
    return float(part.mean()) if part.size else 1.0


def _stray(covered: Coverage, known: Sequence[Rectangle]) -> float:
    away = covered.copy()
    for x, y, width, height in known:
        grown = (x - width / 2, y - height / 2, width * STRAY_GROWTH, height * STRAY_GROWTH)
        away[_rows(grown), _columns(grown)] = False
    return float(np.count_nonzero(away)) / away.size


def _rows(face: Rectangle) -> slice:
    return slice(max(0, round(face[1])), max(0, round(face[1] + face[3])))


def _columns(face: Rectangle) -> slice:
    return slice(max(0, round(face[0])), max(0, round(face[0] + face[2])))

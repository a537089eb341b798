"""The keys of the configuration file: their types, defaults, bounds and descriptions, each once.

The commented sample that `facewarden sample-config` prints is made from these descriptions and defaults.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from facewarden.config.zones import ZoneSetting
from facewarden.errors import SUPPLIED_WEIGHTS, CannotStart
from facewarden.values import DetectorName, Limits, PlanName, Recipe, Shape, Style, Terms

Format = Literal["same", "jpeg", "png", "webp", "tiff"]
Role = Literal["outbox", "hold", "quarantine", "archive"]
Score = Annotated[float, Field(ge=0.01, le=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PhotoNames(_Section):
    """Which files in the inbox count as photos. Others are left alone."""

    names: tuple[str, ...] = Field(("*",), description="Patterns of file names that count as photos, case ignored.")
    ignore: tuple[str, ...] = Field(
        (
            ".*",
            "~*",
            "*~",
            "*.tmp",
            "*.temp",
            "*.part",
            "*.partial",
            "*.crdownload",
            "*.filepart",
            "*.swp",
            "Thumbs.db",
            "desktop.ini",
        ),
        description="Patterns that never count: what scanners, browsers and file servers use while they still write.",
    )


class Detect(_Section):
    """How faces are searched."""

    plan: PlanName = Field(
        "balanced", description="balanced, or strict: half the misses at up to four times the time (docs/detection.md)."
    )
    smallest_face: int = Field(
        20,
        ge=8,
        le=1000,
        description="Width in pixels of the smallest face to find, 8 to 1000; smaller costs more time.",
    )
    blazeface: Score | Literal["plan"] | None = Field(
        "plan", description="Lowest score that counts for MediaPipe Full Range: plan, or 0.01 to 1; null: not asked."
    )
    centerface: Score | Literal["plan"] | None = Field(
        "plan", description="Lowest score that counts for CenterFace: plan, or 0.01 to 1; null: not asked."
    )
    yunet: Score | Literal["plan"] | None = Field(
        None,
        description="Lowest score that counts for YuNet: plan, or 0.01 to 1; it needs weights.yunet. null: not asked.",
    )

    def thresholds(self) -> dict[DetectorName, float | None]:
        """The detectors that are asked, with their lowest score; None where the plan decides."""
        given: dict[DetectorName, float | Literal["plan"] | None] = {
            "blazeface": self.blazeface,
            "centerface": self.centerface,
            "yunet": self.yunet,
        }
        return {name: None if score == "plan" else score for name, score in given.items() if score is not None}


class Redact(_Section):
    """How found faces are hidden."""

    style: Style = Field(
        "veil",
        description="veil, solid (no pixel of the face remains), mosaic or gaussian (cosmetic: they can be attacked).",
    )
    shape: Shape = Field("ellipse", description="ellipse or rectangle.")
    growth: float = Field(
        1.6,
        ge=1.0,
        le=4.0,
        description="Factor by which a found face's width and height grow before it is hidden, 1 to 4.",
    )
    safety_frame: bool = Field(
        True, description="A green frame around each hidden area, so that a person sees what was done."
    )


class Zones(_Section):
    """Parts of every photo, each written as rectangle: [x, y, width, height], ellipse or polygon: [[x, y], ...]."""

    always: tuple[ZoneSetting, ...] = Field(
        (), description="Hidden in every photo, for example [{rectangle: [0, 90%, 100%, 10%]}]; pixels or per cent."
    )
    never: tuple[ZoneSetting, ...] = Field(
        (), description="A face found wholly inside such a zone is left alone (a poster, a screen, a statue)."
    )


class Output(_Section):
    """What results look like."""

    format: Format = Field("same", description="same (as the original), jpeg, png, webp or tiff.")
    jpeg_quality: int = Field(90, ge=1, le=100, description="Quality of JPEG and lossy WebP results, 1 to 100.")


class Profile(_Section):
    """An inbox's choices. Given once under `defaults`, and overridden key by key in an inbox."""

    watch: Literal["auto", "events", "poll"] = Field(
        "auto", description="auto: events, or poll on network file systems; events (inotify); poll."
    )
    settle: float = Field(
        2.0, ge=0.1, le=86400, description="Seconds that a file must have been quiet before it is read."
    )
    scan_every: float = Field(
        30.0,
        ge=0.2,
        le=86400,
        description="Seconds between scans of the folder; with poll the only way files are seen.",
    )
    subfolders: Literal["mirror", "flat", "ignore"] = Field(
        "mirror",
        description="mirror: same subfolders in the outbox; flat: all results in one; ignore: only the inbox itself.",
    )
    photos: PhotoNames = Field(default_factory=PhotoNames, description="Which files count as photos.")
    detect: Detect = Field(default_factory=Detect, description="How faces are searched.")
    redact: Redact = Field(default_factory=Redact, description="How found faces are hidden.")
    zones: Zones = Field(default_factory=Zones, description="Parts of every photo that are hidden always or never.")
    output: Output = Field(default_factory=Output, description="What results look like.")
    originals: Literal["keep", "archive", "delete"] = Field(
        "keep",
        description="What happens to an original once its result is durable: keep (it stays), archive (it is moved) or delete.",
    )
    without_face: Literal["deliver", "hold"] = Field(
        "deliver",
        description="A photo in which no face was found: deliver, or hold (it waits in the hold folder for a person).",
    )
    duplicates: Literal["deliver", "skip"] = Field(
        "deliver",
        description="The same content dropped again: deliver the earlier result again, or skip (one result is enough).",
    )


def _can_be_opened(path: Any) -> Any:
    """Refuse text that no folder can have as its path: nothing, a zero byte, half of a surrogate pair."""
    if isinstance(path, str) and (not path.strip() or "\0" in path or not _encodable(path)):
        raise ValueError("write a folder's path")
    return path


def _encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


Folder = Annotated[Path, BeforeValidator(_can_be_opened)]


class Inbox(Profile):
    """A folder that is watched, where its results go, and the profile keys it overrides."""

    name: str = Field(
        examples=["photos"],
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="Short name for logs and status: a-z, 0-9, - and _. Do not name a person.",
    )
    path: Folder = Field(
        examples=["inbox"],
        description="The inbox: photos are dropped here. Relative paths start at this file's folder.",
    )
    outbox: Folder = Field(examples=["outbox"], description="Results appear here.")
    quarantine: Folder | None = Field(
        None, description="Originals that could not be redacted. Default: beside the inbox, its name plus -quarantine."
    )
    hold: Folder | None = Field(
        None, description="Results that wait for a person. Default: beside the inbox, its name plus -hold."
    )
    archive: Folder | None = Field(
        None,
        description="Originals whose result is durable (originals: archive). Default: beside the inbox, its name plus -archive.",
    )

    def folder(self, role: Role) -> Path:
        """Where this inbox's files of one role go; those beside the inbox bear its name."""
        chosen: Path | None = getattr(self, role)
        return chosen or self.path.with_name(f"{self.path.name}-{role}")


class LimitsSection(_Section):
    """What one photo may cost. A photo over a limit is quarantined with the limit named."""

    megabytes: int = Field(256, ge=1, le=4096, description="Size of a file.")
    megapixels: int = Field(120, ge=1, le=1000, description="Pixels of one frame, in millions.")
    side: int = Field(30000, ge=64, le=65535, description="Longest side in pixels.")
    frames: int = Field(500, ge=1, le=10000, description="Frames or pages of a file.")
    all_megapixels: int = Field(400, ge=1, le=4000, description="Pixels of all frames together, in millions.")
    seconds: float = Field(300.0, ge=1, le=86400, description="Time for one photo.")
    worker_megabytes: int = Field(
        4096, ge=256, le=1_000_000, description="Memory that a worker may take for one photo."
    )
    attempts: int = Field(3, ge=1, le=20, description="Tries before a photo that makes workers fail is quarantined.")

    def for_worker(self) -> Limits:
        million = 1_000_000
        return Limits(
            self.megabytes << 20, self.megapixels * million, self.side, self.frames, self.all_megapixels * million
        )


class WeightsFile(_Section):
    """A file of weights that the operator got, and what it must be."""

    path: Folder = Field(description="The file; relative paths start at this file's folder.")
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="Its SHA-256: the service refuses any other content.")


class SuppliedWeights(_Section):
    """Weights of detectors that this package does not carry."""

    yunet: WeightsFile | None = Field(
        None, description="YuNet, as {path: FILE, sha256: HEX}; README says which file OpenCV Zoo publishes."
    )


class Configuration(_Section):
    """The whole file."""

    state: Folder = Field(
        Path("state"), description="Folder for the journal and earlier results. Only the service's user may read it."
    )
    workers: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="Worker processes; auto: one a processor core."
    )
    sandbox: Literal["required", "degraded-allowed"] = Field(
        "required",
        description="required: refuse to start where the kernel cannot lock workers in; degraded-allowed: start all the same, and say so at each start.",
    )
    weights: SuppliedWeights = Field(
        default_factory=SuppliedWeights, description="Weights of detectors that this package does not carry."
    )
    results_megabytes: int = Field(
        1024,
        ge=0,
        le=1_000_000,
        description="Room for earlier results, kept redacted so that the same photo need not be worked on twice.",
    )
    limits: LimitsSection = Field(
        default_factory=LimitsSection,
        description="What one photo may cost. A photo over a limit is quarantined with the limit named.",
    )
    defaults: Profile = Field(
        default_factory=Profile, description="The profile of every inbox. Each key can be set for one inbox alone."
    )
    inboxes: tuple[Inbox, ...] = Field(min_length=1, description="The folders to watch.")


def terms_of(configuration: Configuration) -> Terms:
    """What every worker is started with. Raises CannotStart where supplied weights are missing or not the ones meant."""
    memory, degraded = configuration.limits.worker_megabytes << 20, configuration.sandbox == "degraded-allowed"
    given = configuration.weights.yunet
    return Terms(memory, degraded, _content(given) if given else b"")


def _content(given: WeightsFile) -> bytes:
    try:
        content = given.path.read_bytes()
    except OSError as error:
        fault = f"weights.yunet.path: cannot be read ({os.strerror(error.errno or 0)})"
        raise CannotStart(SUPPLIED_WEIGHTS, (fault,)) from None
    if hashlib.sha256(content).hexdigest() != given.sha256.lower():
        raise CannotStart(SUPPLIED_WEIGHTS, ("weights.yunet.sha256: the file is another one",))
    return content


def recipe_of(profile: Profile, limits: Limits) -> Recipe:
    """The part of a profile that a worker needs."""
    return Recipe(
        thresholds=profile.detect.thresholds(),
        plan=profile.detect.plan,
        smallest_face=profile.detect.smallest_face,
        growth=profile.redact.growth,
        shape=profile.redact.shape,
        style=profile.redact.style,
        safety_frame=profile.redact.safety_frame,
        always=tuple(zone.zone() for zone in profile.zones.always),
        never=tuple(zone.zone() for zone in profile.zones.never),
        limits=limits,
    )

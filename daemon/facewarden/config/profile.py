"""The keys of an inbox's profile: their types, defaults, bounds and descriptions, each once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from facewarden.config.zones import ZoneSetting
from facewarden.values import DetectorName, PlanName, Shape, Style

Format = Literal["same", "jpeg", "png", "webp", "tiff"]
Score = Annotated[float, Field(ge=0.01, le=1.0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _can_be_opened(path: Any) -> Any:
    """Refuse text that no file or folder can have as its path: nothing, a zero byte, half of a surrogate pair."""
    if isinstance(path, str) and (not path.strip() or "\0" in path or not _encodable(path)):
        raise ValueError("write a path")
    return path


def _encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


Folder = Annotated[Path, BeforeValidator(_can_be_opened)]
File = Folder


class PhotoNames(Section):
    """Which files in the inbox count as photos. Others are left alone."""

    names: tuple[str, ...] = Field(("*",), description="Patterns of file names that count as photos, case ignored.")
    ignore: tuple[str, ...] = Field(
        (".*", "~*", "*~"),
        description="Patterns that never count, besides what other programs leave in folders (docs/folders.md).",
    )
    done: str | None = Field(
        None,
        pattern=r"^[^/\x00]{1,32}$",
        description="Ending such as .done: a photo is read once a file of its name plus this lies beside it. null: none is awaited.",
    )


class Detect(Section):
    """How faces are searched."""

    plan: PlanName = Field(
        "balanced",
        description="balanced, or strict: a fifth of the misses in about twice the time (docs/detection.md).",
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


class Redact(Section):
    """How found faces are hidden."""

    style: Style = Field(
        "veil",
        description="veil, solid, image (no pixel of the face remains), mosaic or gaussian (cosmetic: they can be attacked).",
    )
    emblem: File | None = Field(
        None,
        description="Picture file (an emoji, a logo) for style image, drawn on a veil: at most 1 megapixel and 1 MB.",
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


class Zones(Section):
    """Parts of every photo, each written as rectangle: [x, y, width, height], ellipse or polygon: [[x, y], ...]."""

    always: tuple[ZoneSetting, ...] = Field(
        (), description="Hidden in every photo, for example [{rectangle: [0, 90%, 100%, 10%]}]; pixels or per cent."
    )
    never: tuple[ZoneSetting, ...] = Field(
        (), description="A face found wholly inside such a zone is left alone (a poster, a screen, a statue)."
    )


class Keep(Section):
    """Numbers that tell nothing of a person, written anew; whatever else a file says besides its pixels is dropped."""

    dpi: bool = Field(True, description="The resolution of a scan, in JPEG, PNG, TIFF and BMP.")
    capture_date: bool = Field(False, description="When a photo was taken, in JPEG, PNG, TIFF, WebP and AVIF.")


class Output(Section):
    """What results look like."""

    format: Format = Field("same", description="same (as the original), jpeg, png, webp or tiff.")
    jpeg_quality: int = Field(90, ge=1, le=100, description="Quality of JPEG and lossy WebP results, 1 to 100.")
    untouched: Literal["encode", "match", "lossless"] = Field(
        "encode",
        description="A photo in which nothing was hidden: encode (as any other), match (a JPEG at its original's quality), lossless (PNG for JPEG).",
    )
    keep: Keep = Field(default_factory=Keep, description="Numbers of the original that a result keeps, written anew.")


class Hooks(Section):
    """Programs of the operator's, run without a shell; the result's path is their only argument."""

    delivered: File | None = Field(None, description="Run after each delivery. null: none.")
    quarantined: File | None = Field(
        None,
        description="Run after each quarantine, with what now lies there. Under systemd, ExecPaths= must let it run.",
    )
    seconds: float = Field(60.0, ge=0.1, le=3600, description="After so long it is killed.")


class Profile(Section):
    """An inbox's choices. Given once under `defaults`, and overridden key by key in an inbox."""

    watch: Literal["auto", "events", "poll"] = Field(
        "auto", description="auto: events, or poll on network file systems; events (inotify); poll."
    )
    settle: float = Field(
        2.0, ge=0.1, le=86400, description="Seconds that a file must have been quiet before it is read."
    )
    settle_renamed: float = Field(
        0.0,
        ge=0.0,
        le=86400,
        description="The same for a file that was renamed or moved into place, where events tell of it: it is complete.",
    )
    scan_every: float = Field(
        30.0,
        ge=0.2,
        le=86400,
        description="Seconds between scans of the folder; with poll the only way files are seen, with events up to ten times "
        "as long where very many files lie there.",
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
    names: Literal["keep", "pseudonym"] = Field(
        "keep",
        description="Names of results and their folders: keep (the originals'), or pseudonym (16 letters that tell nothing).",
    )
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
    hooks: Hooks = Field(
        default_factory=Hooks,
        description="Programs that are run with the path of each result. They see names: what they do with them is theirs.",
    )
    worker_for: Literal["photo", "inbox"] = Field(
        "inbox",
        description="photo: each has a worker of its own; inbox: one after the other, faster for small photos (docs/sandbox.md).",
    )

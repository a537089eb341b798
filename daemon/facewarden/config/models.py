"""The keys of the configuration file that stand outside a profile: an inbox's own, and those of the whole file.

The commented sample that `facewarden sample-config` prints is made from these descriptions and defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from facewarden.config.profile import File, Folder, Profile, Section
from facewarden.values import Limits

Role = Literal["outbox", "hold", "quarantine", "archive", "preview"]


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
    marker: str | None = Field(
        None,
        pattern=r"^[^/\x00]{1,255}$",
        description="A file that lies in this inbox and in no other place: while it is missing (a share is not mounted), nothing is read.",
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
    preview: Folder | None = Field(
        None, description="A small contact sheet of each result goes here, to glance over. Default: none is made."
    )

    def folder(self, role: Role) -> Path:
        """Where this inbox's files of one role go; those beside the inbox bear its name."""
        chosen: Path | None = getattr(self, role)
        return chosen or self.path.with_name(f"{self.path.name}-{role}")


class LimitsSection(Section):
    """What one photo may cost. A photo over a limit is quarantined with the limit named."""

    megabytes: int = Field(256, ge=1, le=4096, description="Size of a file.")
    megapixels: int = Field(120, ge=1, le=1000, description="Pixels of one frame, in millions.")
    side: int = Field(30000, ge=64, le=65535, description="Longest side in pixels.")
    frames: int = Field(500, ge=1, le=10000, description="Frames or pages of a file.")
    all_megapixels: int = Field(
        400, ge=1, le=4000, description="Pixels of all frames of an animation together, in millions."
    )
    document_megapixels: int = Field(
        4000, ge=1, le=100_000, description="Pixels of all pages of a PDF or TIFF together, in millions."
    )
    seconds: float = Field(
        300.0, ge=1, le=86400, description="Time for one photo; each page of a document adds a tenth."
    )
    worker_megabytes: int = Field(
        4096, ge=256, le=1_000_000, description="Memory that a worker may take for one photo."
    )
    attempts: int = Field(3, ge=1, le=20, description="Tries before a photo that makes workers fail is quarantined.")

    def for_worker(self) -> Limits:
        million = 1_000_000
        return Limits(
            self.megabytes << 20,
            self.megapixels * million,
            self.side,
            self.frames,
            self.all_megapixels * million,
            self.document_megapixels * million,
        )


class WeightsFile(Section):
    """A file of weights that the operator got, and what it must be."""

    path: File = Field(description="The file; relative paths start at this file's folder.")
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="Its SHA-256: the service refuses any other content.")


class SuppliedWeights(Section):
    """Weights of detectors that this package does not carry."""

    yunet: WeightsFile | None = Field(
        None, description="YuNet, as {path: FILE, sha256: HEX}; README says which file OpenCV Zoo publishes."
    )


class Configuration(Section):
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
    journal_days: Annotated[float, Field(ge=1, le=36500)] | None = Field(
        90,
        description="Days after which the journal forgets a job and the names in it, unless its photo still stands in the inbox or is held. null: never.",
    )
    metrics: File | None = Field(
        None,
        description="File for Prometheus, such as /var/lib/node_exporter/facewarden.prom; its folder must exist (under systemd, ReadWritePaths= must name it). null: none.",
    )
    limits: LimitsSection = Field(
        default_factory=LimitsSection,
        description="What one photo may cost. A photo over a limit is quarantined with the limit named.",
    )
    defaults: Profile = Field(
        default_factory=Profile, description="The profile of every inbox. Each key can be set for one inbox alone."
    )
    inboxes: tuple[Inbox, ...] = Field(min_length=1, description="The folders to watch.")

"""What of a configuration goes to workers: terms for each, a recipe for each photo, the operator's files in both."""

from __future__ import annotations

import hashlib
from pathlib import Path

from facewarden.config.models import Configuration, WeightsFile
from facewarden.config.profile import Profile
from facewarden.errors import CONFIGURATION, SUPPLIED_WEIGHTS, CannotStart
from facewarden.files import givenfile
from facewarden.values import EMBLEM, Limits, Recipe, Terms


def terms_of(configuration: Configuration) -> Terms:
    """What every worker is started with.

    Raises CannotStart where supplied weights are missing or not the ones meant.
    """
    memory, degraded = configuration.limits.worker_megabytes << 20, configuration.sandbox == "degraded-allowed"
    given = configuration.weights.yunet
    return Terms(memory, degraded, _content(given) if given else b"")


def _content(given: WeightsFile) -> bytes:
    try:
        content = givenfile.read(given.path)
    except OSError as error:
        fault = f"weights.yunet.path: cannot be read ({givenfile.why(error)})"
        raise CannotStart(SUPPLIED_WEIGHTS, (fault,)) from None
    if hashlib.sha256(content).hexdigest() != given.sha256.lower():
        raise CannotStart(SUPPLIED_WEIGHTS, ("weights.yunet.sha256: the file is another one",))
    return content


def recipe_of(profile: Profile, limits: Limits) -> Recipe:
    """The part of a profile that a worker needs. Raises CannotStart(CONFIGURATION) where its emblem cannot be had."""
    return Recipe(
        thresholds=profile.detect.thresholds(),
        plan=profile.detect.plan,
        smallest_face=profile.detect.smallest_face,
        growth=profile.redact.growth,
        shape=profile.redact.shape,
        style=profile.redact.style,
        safety_frame=profile.redact.safety_frame,
        emblem=read_emblem(profile.redact.emblem) if profile.redact.style == "image" else b"",
        always=tuple(zone.zone() for zone in profile.zones.always),
        never=tuple(zone.zone() for zone in profile.zones.never),
        limits=limits,
    )


def read_emblem(file: Path | None) -> bytes:
    """The picture file for style `image`; only a worker opens what is in it. Raises CannotStart(CONFIGURATION)."""
    if file is None:
        raise _bad_emblem("style image needs a picture file here")
    try:
        content = givenfile.read(file, EMBLEM.bytes + 1)
    except OSError as error:
        raise _bad_emblem(f"cannot be read ({givenfile.why(error)})") from None
    if not 0 < len(content) <= EMBLEM.bytes:
        raise _bad_emblem("the file is empty, or larger than 1 MB")
    return content


def _bad_emblem(fault: str) -> CannotStart:
    return CannotStart(CONFIGURATION, (f"redact.emblem: {fault}",))

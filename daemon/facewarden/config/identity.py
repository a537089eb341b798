"""Which weights the detectors work with, by name and SHA-256; each worker proves them before it loads them."""

from __future__ import annotations

import json
from pathlib import Path

from facewarden.config.models import Configuration

MANIFEST = Path(__file__).resolve().parents[1] / "sandbox" / "weights" / "manifest.json"
SHOWN = 12
"""Hex digits of a SHA-256 that are shown: enough to tell one version from another."""


def identities(configuration: Configuration) -> dict[str, str]:
    """Each detector that any inbox asks, with the beginning of its weights' SHA-256."""
    asked = {name for inbox in configuration.inboxes for name in inbox.detect.thresholds()}
    return {name: sha256[:SHOWN] for name, sha256 in hashes(configuration).items() if name in asked}


def hashes(configuration: Configuration) -> dict[str, str]:
    """The whole SHA-256 of each detector's weights, as the manifest and the configuration demand it."""
    manifest = json.loads(MANIFEST.read_bytes())
    found: dict[str, str] = {said["used_by"]: said["sha256"] for said in manifest.values()}
    if configuration.weights.yunet:
        found["yunet"] = configuration.weights.yunet.sha256.lower()
    return dict(sorted(found.items()))

"""`facewarden check`: all that could keep the service from starting or from keeping its promises, told at once."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from facewarden import config
from facewarden.checks import moves
from facewarden.checks.absent import absent
from facewarden.checks.emblems import require_emblems
from facewarden.checks.lost_journal import require_known_results
from facewarden.checks.recall import require_recall
from facewarden.config import folders
from facewarden.errors import FOLDER, JOURNAL_OLDER, PYTHON_LIBRARY, CannotStart, Exit
from facewarden.intake.doors import take_known
from facewarden.journal import prove
from facewarden.pool import LocalPool, Pool
from facewarden.values import Limits, Recipe, Terms

COSMETIC = ("gaussian", "mosaic")


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report, and the exit code that it alone would give."""

    kind: Literal["fine", "warning", "fault"]
    text: str
    exit: Exit = Exit.FINE


def run(file: Path) -> Iterator[Finding]:
    """Check one thing after the other; a fault in one does not hide those in the next."""
    terms, recipes = Terms(), dict[str, Recipe]()
    try:
        configuration = config.load(file)
    except CannotStart as refusal:
        for fault in refusal.faults:
            yield Finding("fault", f"configuration: {fault}", refusal.reason.exit)
    else:
        terms = config.terms_of(configuration)
        recipes = {f"inboxes[{n}].": config.recipe_of(inbox, Limits()) for n, inbox in enumerate(configuration.inboxes)}
        yield Finding("fine", f"configuration: {len(configuration.inboxes)} inboxes")
        yield from _folders(configuration)
        yield from _journal(configuration)
        yield from _styles(configuration)
    yield from _libraries()
    yield from _worker(terms, recipes)


def _folders(configuration: config.Configuration) -> Iterator[Finding]:
    take_known(configuration)
    found = folders.faults(configuration) + moves.faults(configuration)
    for fault in found:
        yield Finding("fault", f"folders: {fault}", FOLDER.exit)
    if not found:
        yield Finding("fine", f"folders: {len(list(folders.places(configuration)))} usable")


def _journal(configuration: config.Configuration) -> Iterator[Finding]:
    """Whether a start would find the journal that it needs."""
    try:
        if not prove(configuration.state):
            require_known_results(configuration, absent(configuration.inboxes))
            yield Finding("fine", "journal: none yet, the first start makes it")
            return
    except CannotStart as refusal:
        if refusal.reason is JOURNAL_OLDER:
            yield Finding("fine", "journal: an older facewarden wrote it, the next start takes it over")
            return
        for said in (str(refusal), *refusal.faults):
            yield Finding("fault", f"journal: {said}", refusal.reason.exit)
    else:
        yield Finding("fine", "journal: whole")


def _styles(configuration: config.Configuration) -> Iterator[Finding]:
    for index, inbox in enumerate(configuration.inboxes):
        if inbox.redact.style in COSMETIC:
            text = f"inboxes[{index}]: style {inbox.redact.style} is cosmetic, faces can be recovered from it; use veil, solid or image"
            yield Finding("warning", text)


def _libraries() -> Iterator[Finding]:
    """OpenCV's distributions all write the same folder: with two installed, which one is loaded is chance."""
    names = {distribution.name for distribution in importlib.metadata.distributions()}
    opencv = sorted(name for name in names if name and name.lower().startswith("opencv-"))
    if opencv == ["opencv-python-headless"]:
        yield Finding("fine", "libraries: one OpenCV, headless")
    else:
        text = f"libraries: found {', '.join(opencv) or 'no OpenCV'}; there must be opencv-python-headless alone (README, Install)"
        yield Finding("fault", text, PYTHON_LIBRARY.exit)


def _worker(terms: Terms, recipes: Mapping[str, Recipe]) -> Iterator[Finding]:
    """Start one real worker: it proves weights and libraries where they are used, and opens the emblems of recipes."""
    pool = LocalPool(1, terms=terms)
    try:
        pool.start()
    except CannotStart as refusal:
        yield Finding("fault", f"worker: {refusal}", refusal.reason.exit)
    else:
        assert pool.protection
        yield Finding("fine", "worker: started, weights are the expected ones")
        lock = f"sandbox: Landlock ABI {pool.protection.landlock}, seccomp {'on' if pool.protection.seccomp else 'off'}"
        yield (
            Finding("fine", f"{lock}; tried to break out, in vain")
            if pool.protection.complete
            else Finding("warning", f"{lock}; a hostile file could reach more than its worker")
        )
        faults = list(_emblems(pool, recipes))
        yield from faults
        if not faults:  # with an emblem that cannot be drawn no photo comes back, whatever is found in it
            yield from _recall(pool, recipes)
    finally:
        pool.stop()


def _recall(pool: Pool, recipes: Mapping[str, Recipe]) -> Iterator[Finding]:
    """Search drawn faces with each inbox's settings, as the service does at its start."""
    found = 0
    for key, recipe in recipes.items():
        try:
            require_recall(pool, [(recipe, "check")])
            found += 1
        except CannotStart as refusal:
            yield Finding("fault", f"{key}detect: {refusal}", refusal.reason.exit)
    if found:
        yield Finding("fine", f"search: drawn faces are found with the settings of {found} inboxes")


def _emblems(pool: Pool, recipes: Mapping[str, Recipe]) -> Iterator[Finding]:
    try:
        require_emblems(pool, recipes)
    except CannotStart as refusal:
        for fault in refusal.faults:
            yield Finding("fault", f"configuration: {fault}", refusal.reason.exit)

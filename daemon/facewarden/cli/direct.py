"""`redact` and `detect`: work on files named on the command line. Only `detect` prints file names."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from facewarden import config, logs
from facewarden.checks.emblems import require_emblems
from facewarden.cli.terminal import Given, SmallestFace, Workers, plain, summary, told_plainly, tracked, workers_for
from facewarden.config.profile import Format
from facewarden.errors import REASONS, Exit
from facewarden.treat import named_files
from facewarden.values import Limits, PlanName, Shape, Style


def redact(
    given: Given,
    target: Annotated[Path, typer.Option("--output", "-o", file_okay=False, help="Write results into this folder.")],
    style: Annotated[Style, typer.Option(help="Hide faces this way.")] = "veil",
    emblem: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Draw this picture on each face: --style image.")
    ] = None,
    shape: Annotated[Shape, typer.Option(help="Draw areas of this shape.")] = "ellipse",
    growth: Annotated[float, typer.Option(min=1, max=4, help="Grow found faces by this factor.")] = 1.6,
    safety_frame: Annotated[bool, typer.Option(help="Draw a green frame around each area.")] = True,
    plan: Annotated[PlanName, typer.Option(help="Search with this plan.")] = "balanced",
    smallest_face: SmallestFace = 20,
    output_format: Annotated[Format, typer.Option("--format", help="Write results in this format.")] = "same",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Write JPEG and WebP with this quality.")] = 90,
    workers: Workers = None,
) -> None:
    """Redact photos and folders without a configuration; never overwrite a file, and go on after a failure."""
    profile = config.Profile.model_validate(
        {
            "detect": {"plan": plan, "smallest_face": smallest_face},
            "redact": {
                "style": style,
                "emblem": emblem,
                "shape": shape,
                "growth": growth,
                "safety_frame": safety_frame,
            },
            "output": {"format": output_format, "jpeg_quality": quality},
        }
    )
    logs.configure()
    found = list(named_files.sources(given))
    with told_plainly(), workers_for(workers, len(found)) as pool:
        recipe = config.recipe_of(profile, Limits())
        require_emblems(pool, {"": recipe})
        target.mkdir(parents=True, exist_ok=True)
        counts: Counter[str] = Counter()
        answers = named_files.redact(found, target, profile, recipe, pool)
        for done in tracked(answers, len(found)):
            counts["redacted" if done.reason is None else done.reason.sentence() + _page(done)] += 1
    summary(counts, 0)
    if counts.total() > counts["redacted"] or not found:
        raise typer.Exit(Exit.SOME_FAILED)


def detect(
    given: Given,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line a file.")] = False,
    plan: Annotated[PlanName, typer.Option(help="Search with this plan.")] = "balanced",
    smallest_face: SmallestFace = 20,
    workers: Workers = None,
) -> None:
    """Print the areas that would be redacted, in upright pixels, without redacting."""
    profile = config.Profile.model_validate({"detect": {"plan": plan, "smallest_face": smallest_face}})
    logs.configure()
    found = list(named_files.sources(given))
    failed = 0
    with told_plainly(), workers_for(workers, len(found)) as pool:
        for done in tracked(named_files.detect(found, config.recipe_of(profile, Limits()), pool), len(found)):
            failed += done.reason is not None
            for line in _lines(done, as_json=as_json):
                typer.echo(line)
    if failed or not found:
        raise typer.Exit(Exit.SOME_FAILED)


def _lines(done: named_files.Done, *, as_json: bool) -> Iterator[str]:
    name = os.fsencode(done.source.path).decode("utf-8", "backslashreplace")
    if done.reply is None:
        reason = done.reason.number if done.reason else 0
        error: dict[str, Any] = {"reason": reason, "text": REASONS[reason].sentence()}
        error |= {"page": done.page} if done.page else {}
        said = f"{plain(name)}: {REASONS[reason].sentence()}{_page(done)}"
        yield json.dumps({"file": name, "error": error}) if as_json else said
        return
    for number, ((width, height), regions) in enumerate(zip(done.reply.sizes, done.reply.regions, strict=True)):
        page = {"frame": number} if len(done.reply.sizes) > 1 else {}
        areas = [
            {
                "x": round(region.x, 1),
                "y": round(region.y, 1),
                "width": round(region.width, 1),
                "height": round(region.height, 1),
                "shape": region.shape,
                "score": round(region.score, 3),
                "detector": region.detector,
            }
            for region in regions
        ]
        entry = {"file": name, **page, "width": width, "height": height, "regions": areas}
        yield json.dumps(entry) if as_json else f"{plain(name)}: {width} x {height}, {len(areas)} areas"


def _page(done: named_files.Done) -> str:
    """Which page of a document is at fault."""
    return f" Page: {done.page}." if done.page else ""

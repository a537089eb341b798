"""`evaluate`: how many labelled faces are hidden, in a table, beside another tool's areas if asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from facewarden import config
from facewarden.checks import evaluation
from facewarden.checks.evaluation import HEIGHTS, Figures
from facewarden.cli.terminal import Workers, told_plainly, tracked, workers_for
from facewarden.errors import Exit
from facewarden.treat import named_files
from facewarden.values import Limits, PlanName, Recipe, Terms


def evaluate(
    labels: Annotated[list[Path], typer.Argument(metavar="LABELS.json...", help="Read labels from these files.")],
    profile: Annotated[
        PlanName | None,
        typer.Option(
            help="Search with this plan; by default the configuration's, or else balanced.", show_default=False
        ),
    ] = None,
    configuration: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Search as this configuration's defaults say, with its weights and zones."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Set beside it the areas of another tool: lines as `detect --json` prints, `seconds` optional."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
    workers: Workers = 1,
) -> None:
    """Measure how many labelled faces would be hidden: miss rates by height with 95 % intervals, stray area, time."""
    failed = 0
    with told_plainly():
        name, recipe, terms = _search(profile, configuration)
        labelled = evaluation.read_labels(labels)
        by_path = dict(labelled)
        theirs = evaluation.read_predictions(against) if against else {}
        ours, other = Figures(), Figures()
        sources = [named_files.Source(path, b"") for path, _ in labelled]
        with workers_for(workers, len(sources), terms) as pool:
            answers = named_files.detect(sources, recipe, pool)
            for done in tracked(answers, len(sources)):
                if done.reply is None:
                    failed += 1
                    continue
                (width, height), entry = done.reply.sizes[0], by_path[done.source.path]
                ours.add(entry, done.reply.regions[0], width, height, sum(done.reply.seconds.values()))
                if predicted := theirs.get(done.source.path.resolve()):
                    other.add(entry, predicted.areas(), predicted.width, predicted.height, predicted.seconds)
    columns = {name: ours.summary(), **({"against": other.summary()} if against else {})}
    if as_json:
        typer.echo(json.dumps({**columns, "failed": failed}))
    else:
        Console().print(_table(columns))
    if failed or not labelled:
        Console(stderr=True).print(f"{failed} photos could not be read" if failed else "no photo is labelled")
        raise typer.Exit(Exit.SOME_FAILED)


def _search(plan: PlanName | None, file: Path | None) -> tuple[PlanName, Recipe, Terms]:
    """The plan's name, how a photo is searched and what workers are started with. Raises CannotStart."""
    configuration = config.load(file) if file else None
    chosen = configuration.defaults if configuration else config.Profile()
    if plan:
        chosen = chosen.model_copy(update={"detect": chosen.detect.model_copy(update={"plan": plan})})
    limits = configuration.limits.for_worker() if configuration else Limits()
    terms = config.terms_of(configuration) if configuration else Terms()
    return chosen.detect.plan, config.recipe_of(chosen, limits), terms


def _table(columns: dict[str, dict[str, Any]]) -> Table:
    table = Table()
    table.add_column("face height, px", no_wrap=True)
    for name in columns:
        for heading in ("faces", "hidden", "missed", "95 %"):
            table.add_column(f"{name}\n{heading}", justify="right")
    for name in (*(name for *_, name in HEIGHTS), "24 and more", "all"):
        cells = [_row(figures["by_height"].get(name) or figures[name]) for figures in columns.values()]
        table.add_row(name, *(cell for row in cells for cell in row), end_section=name == HEIGHTS[-1][2])
    table.add_section()
    for key, name in (
        ("stray", "stray area"),
        ("seconds_a_photo", "s a photo"),
        ("seconds_a_megapixel", "s a megapixel"),
    ):
        cells = [["", "", _plain(key, figures[key]), ""] for figures in columns.values()]
        table.add_row(name, *(cell for row in cells for cell in row))
    return table


def _row(figures: dict[str, Any]) -> list[str]:
    low, high = figures["missed_95"]
    if not figures["faces"]:
        return ["0", "", "", ""]
    share = f"{figures['missed']:.2%}"
    return [str(figures["faces"]), str(figures["hidden"]), share, f"{low:.1%}-{high:.1%}"]


def _plain(key: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2%}" if key == "stray" else f"{value:.3f}"

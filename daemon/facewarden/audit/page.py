"""The accountability report as a page or a table: for a data-protection officer, from the ledger and the day that runs.

The page stands alone: no script, no font and no picture comes from anywhere, and it says what the figures do not prove.
"""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from typing import Any

from facewarden.audit.daybook import Daybook
from facewarden.audit.ledger import Entry

OUTCOMES = ("delivered", "held", "quarantined")
COLOURS = {"delivered": "#3b7d4f", "held": "#c9a227", "quarantined": "#a33b3b"}
WIDTH, HEIGHT = 760, 160

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left } code { word-break: break-all } svg { width: 100%; height: auto }
"""


def as_csv(entries: list[Entry]) -> str:
    """A row for each day and inbox."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(["day", "inbox", *OUTCOMES, "regions", "reasons", "version", "recall", "hash", "clock"])
    for entry in entries:
        for name, inbox in entry["inboxes"].items():
            reasons = " ".join(f"{reason}:{count}" for reason, count in sorted(inbox["reasons"].items()))
            counts = [inbox[outcome] for outcome in OUTCOMES]
            said = [entry["version"], _recall(entry), entry.get("hash", ""), "doubtful" if entry["doubtful"] else ""]
            rows.writerow(map(_cell, [entry["day"], name, *counts, inbox["regions"], reasons, *said]))
    return written.getvalue()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: the ledger's file may have been changed."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def as_page(book: Daybook) -> str:
    """One HTML page with everything in it.

    All that comes from the ledger is escaped: its file may have been changed.
    """
    entries, fault, newest = book
    chain = (
        "The chain of days is whole."
        if fault is None
        else f"<strong>The chain is broken at {html.escape(fault)}.</strong>"
    )
    last = html.escape(newest or "none yet")
    span = html.escape(f"{entries[0]['day']} to {entries[-1]['day']}" if entries else "no day")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Facewarden report</title><style>{_STYLE}</style></head>'
        f"<body><h1>Facewarden: what became of the photos</h1><p>{span} (UTC). It holds counts and settings, no names and no pictures."
        f" It tells what the program did; that every face was found it cannot tell.</p>"
        f"{_clock(entries)}<h2>Outcomes</h2>{_plot(entries)}{_totals(entries)}<h2>Reasons for quarantine</h2>{_reasons(entries)}"
        f"<h2>Software</h2>{_software(entries)}<h2>Settings at the end</h2>{_settings(entries)}"
        f"<h2>Integrity</h2><p>{chain} Newest hash: <code>{last}</code></p></body></html>\n"
    )


def _clock(entries: list[Entry]) -> str:
    days = ", ".join(str(entry["day"]) for entry in entries if entry["doubtful"])
    if not days:
        return ""
    said = "The clock was wrong for a while: what is told of these days is right in number, and happened on others"
    return f"<p><strong>{said}: {html.escape(days)}.</strong></p>"


def _plot(entries: list[Entry]) -> str:
    """Photos a day as stacked bars."""
    days = [
        Counter({key: sum(inbox[key] for inbox in entry["inboxes"].values()) for key in OUTCOMES}) for entry in entries
    ]
    most = max((day.total() for day in days), default=0) or 1
    step = WIDTH / max(len(days), 1)
    bars = []
    for number, (entry, day) in enumerate(zip(entries, days, strict=True)):
        top = float(HEIGHT)
        for outcome in OUTCOMES:
            tall = HEIGHT * max(day[outcome], 0) / most
            top -= tall
            said = html.escape(f"{entry['day']}: {day[outcome]} {outcome}")
            bars.append(
                f'<rect x="{number * step:.1f}" y="{top:.1f}" width="{max(step - 1, 1):.1f}" height="{tall:.1f}"'
                f' fill="{COLOURS[outcome]}"><title>{said}</title></rect>'
            )
    key = ", ".join(f'<span style="color:{colour}">&#9632;</span> {outcome}' for outcome, colour in COLOURS.items())
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Photos a day">{"".join(bars)}</svg>'
    return f"{svg}<p>Photos a day, at most {most}: {key}</p>"


def _totals(entries: list[Entry]) -> str:
    totals: dict[str, Counter[str]] = {}
    for entry in entries:
        for name, inbox in entry["inboxes"].items():
            totals.setdefault(name, Counter()).update({key: inbox[key] for key in (*OUTCOMES, "regions")})
    rows = [[name, *(total[key] for key in (*OUTCOMES, "regions"))] for name, total in totals.items()]
    return _table(["inbox", *OUTCOMES, "areas hidden"], rows)


def _reasons(entries: list[Entry]) -> str:
    counts: Counter[str] = Counter()
    for entry in entries:
        for inbox in entry["inboxes"].values():
            counts.update(inbox["reasons"])
    return _table(["reason", "photos"], [[reason, count] for reason, count in counts.most_common()])


def _software(entries: list[Entry]) -> str:
    """Each combination of version, weights and self-test, with the days it was in use."""
    days: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        weights = ", ".join(f"{name} {sha256}" for name, sha256 in entry["weights"].items())
        days[entry["version"], weights, _recall(entry)] += 1
    return _table(
        ["version", "weights (SHA-256)", "drawn faces", "days"], [[*said, count] for said, count in days.items()]
    )


def _settings(entries: list[Entry]) -> str:
    if not entries:
        return ""
    rows = [
        [name, inbox["settings"]["detect"]["plan"], inbox["settings"]["redact"]["style"], inbox["settings"]["without_face"],
         inbox["settings"]["originals"], inbox["settings"]["names"]]
        for name, inbox in entries[-1]["inboxes"].items()
        if inbox["settings"]
    ]  # fmt: skip
    return _table(["inbox", "search", "style", "without a face", "originals", "names"], rows)


def _recall(entry: Entry) -> str:
    return {True: "found", False: "missed", None: "not tried"}[(entry["recall"] or {}).get("passed")]


def _table(headings: list[str], rows: list[list[Any]]) -> str:
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

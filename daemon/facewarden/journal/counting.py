"""Counting: SQLite itself counts each outcome in the transaction that makes it, by triggers.

No clock and no crash can miscount.

`totals` is what the journal holds now, for `status`. `tallies` is what the ledger has not noted yet, by the day (UTC)
on which a job ended: an outcome counts once, and one that is taken back (a held result is released) counts as minus one
on its own day. Rows may be forgotten before their day is noted. `days` has the self-tests, `ledger` the lines as they
were noted.
"""

from __future__ import annotations

_DAY = "coalesce(date({}.ended_at, 'unixepoch'), '9999-12-31')"
_CHANGED = "(OLD.state <> NEW.state OR OLD.outcome IS NOT NEW.outcome)"


def _count(row: str, sign: int) -> str:
    """Add one outcome of this row to the day on which it ended, or take it from there."""
    return f"""
    INSERT INTO totals VALUES ({row}.inbox, coalesce({row}.outcome, 'vanished'), {sign})
        ON CONFLICT (inbox, outcome) DO UPDATE SET count = count + excluded.count;
    INSERT INTO tallies
        SELECT {_DAY.format(row)}, {row}.inbox, {row}.outcome, {row}.reason, {sign}, {sign} * {row}.regions
        WHERE {row}.outcome <> 'vanished'
        ON CONFLICT (day, inbox, outcome, reason)
        DO UPDATE SET count = count + excluded.count, regions = regions + excluded.regions;
    """  # noqa: S608 - constants


_COUNTED = _count("NEW", 1)
_UNCOUNTED = _count("OLD", -1)

TABLES = f"""
CREATE TABLE totals (
    inbox TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (inbox, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE tallies (
    day TEXT NOT NULL, inbox TEXT NOT NULL, outcome TEXT NOT NULL, reason INTEGER NOT NULL,
    count INTEGER NOT NULL, regions INTEGER NOT NULL,
    PRIMARY KEY (day, inbox, outcome, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE days (day TEXT PRIMARY KEY, found INTEGER NOT NULL, missed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ledger (number INTEGER PRIMARY KEY, line TEXT NOT NULL) STRICT;
INSERT INTO totals SELECT inbox, coalesce(outcome, 'vanished'), count(*) FROM jobs WHERE state = 'done' GROUP BY 1, 2;
INSERT INTO tallies SELECT {_DAY.format("jobs")}, inbox, outcome, reason, count(*), sum(regions) FROM jobs
    WHERE state = 'done' AND outcome <> 'vanished' GROUP BY 1, 2, 3, 4;
CREATE TRIGGER jobs_counted_new AFTER INSERT ON jobs WHEN NEW.state = 'done' BEGIN {_COUNTED} END;
CREATE TRIGGER jobs_counted AFTER UPDATE OF state, outcome ON jobs
    WHEN NEW.state = 'done' AND {_CHANGED} BEGIN {_COUNTED} END;
CREATE TRIGGER jobs_uncounted AFTER UPDATE OF state, outcome ON jobs
    WHEN OLD.state = 'done' AND {_CHANGED} BEGIN {_UNCOUNTED} END;
CREATE TRIGGER jobs_forgotten AFTER DELETE ON jobs WHEN OLD.state = 'done' BEGIN
    UPDATE totals SET count = count - 1 WHERE inbox = OLD.inbox AND outcome = coalesce(OLD.outcome, 'vanished');
END;
"""  # noqa: S608 - constants

INDEXES = """
CREATE INDEX jobs_by_target ON jobs (target) WHERE target IS NOT NULL;
CREATE INDEX jobs_quarantined ON jobs (claimed_at) WHERE outcome = 'quarantined';
CREATE INDEX jobs_held ON jobs (claimed_at) WHERE outcome = 'held';
"""
"""What commands beside the service ask of rows: by the path of a result, and what waits for a person."""

RENAME = """
INSERT INTO totals SELECT :new, outcome, count FROM totals WHERE inbox = :old
    ON CONFLICT (inbox, outcome) DO UPDATE SET count = count + excluded.count;
DELETE FROM totals WHERE inbox = :old;
INSERT INTO tallies SELECT day, :new, outcome, reason, count, regions FROM tallies WHERE inbox = :old
    ON CONFLICT (day, inbox, outcome, reason)
    DO UPDATE SET count = count + excluded.count, regions = regions + excluded.regions;
DELETE FROM tallies WHERE inbox = :old;
"""
"""Statements that carry an inbox's counts to another name. Triggers do not: a million rows would fire a million of
them."""

"""The durable record of jobs: one SQLite file (mode 0600), the only place that may hold names."""

from facewarden.journal.amending import ended_before, forget, released, retried, retrying
from facewarden.journal.asking import (
    finished,
    is_published,
    jobs_in_quarantine,
    jobs_of_source,
    jobs_of_target,
    open_jobs,
    waiting_jobs,
)
from facewarden.journal.job import Job, Outcome, State
from facewarden.journal.known import KnownFolder
from facewarden.journal.noting import Noting, SelfTests, Tally, noting, read_lines, read_tallies, read_tests
from facewarden.journal.reading import (
    has_jobs,
    prove,
    read_counts,
    read_folders,
    read_job,
    read_jobs,
    read_owed,
)
from facewarden.journal.record import Journal
from facewarden.journal.schema import SCHEMA_VERSION, is_there

__all__ = [
    "SCHEMA_VERSION",
    "Job",
    "Journal",
    "KnownFolder",
    "Noting",
    "Outcome",
    "SelfTests",
    "State",
    "Tally",
    "ended_before",
    "finished",
    "forget",
    "has_jobs",
    "is_published",
    "is_there",
    "jobs_in_quarantine",
    "jobs_of_source",
    "jobs_of_target",
    "noting",
    "open_jobs",
    "prove",
    "read_counts",
    "read_folders",
    "read_job",
    "read_jobs",
    "read_lines",
    "read_owed",
    "read_tallies",
    "read_tests",
    "released",
    "retried",
    "retrying",
    "waiting_jobs",
]

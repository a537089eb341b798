"""The durable record of jobs: one SQLite file (mode 0600), the only place that may hold names."""

from facewarden.journal.job import Job, Outcome, State
from facewarden.journal.reading import read_jobs
from facewarden.journal.record import Journal
from facewarden.journal.schema import SCHEMA_VERSION, is_there

__all__ = ["SCHEMA_VERSION", "Job", "Journal", "Outcome", "State", "is_there", "read_jobs"]

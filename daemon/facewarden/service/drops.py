"""Drops: what counts as a new one.

A file is what it is, not where its name points (docs/behaviour.md, What is a new drop).

The same bytes in the same inbox are the original of an earlier job, seen anew, where - name, size and date are the
same: a share that was mounted anew may have given it another inode, or - its result still stands, and it is the same
file (inode), or stands under the same name, or under another one while the earlier name is gone: touched, renamed,
moved with its folder, written again with the same bytes.
"""

from __future__ import annotations

import dataclasses

from facewarden import config, files
from facewarden.delivery.original import where
from facewarden.delivery.placing import stands
from facewarden.intake.names import Names
from facewarden.intake.scan import scan
from facewarden.journal import Job, Journal
from facewarden.outcomes import FOLDERS


def known_again(journal: Journal, inbox: config.Inbox, root: int, job: Job) -> bool:
    """Whether what was claimed as `job` had its outcome before; that is noted then, and the job leaves.

    `root` is the inbox's open folder. Raises OSError where it cannot be found out.
    """
    for earlier in journal.same_content(inbox.name, job.content):
        if _is_same(earlier, job) or (_took_over(earlier, job, root) and _has_result(journal, inbox, earlier)):
            journal.same_drop(job, earlier)
            return True
    return False


def followed(journal: Journal, inbox: config.Inbox, root: int, job: Job) -> Job:
    """The job with the name that its original has now, where somebody renamed it while its result was placed.

    That is noted.

    Costs a walk through the inbox where it is not at its place. Raises OSError.
    """
    if where(job, root) not in ("gone", "replaced"):
        return job
    for path, signature in scan(root, Names(inbox, inbox.marker), deep=inbox.subfolders != "ignore"):
        if signature == job.signature:
            journal.renamed(job, path)
            return dataclasses.replace(job, source=path)
    return job


def _is_same(earlier: Job, job: Job) -> bool:
    one, other = earlier.signature, job.signature
    return (earlier.source, one.size, one.mtime_ns) == (job.source, other.size, other.mtime_ns)


def _took_over(earlier: Job, job: Job, root: int) -> bool:
    """Whether it is the same file, or took the place of the earlier one."""
    if earlier.signature.inode == job.signature.inode or earlier.source == job.source:
        return True
    try:
        return where(earlier, root) == "gone"
    except OSError as error:
        if error.errno not in files.UNPROVED:
            raise
        return False  # it was dropped into another folder: what became of it there nobody knows


def _has_result(journal: Journal, inbox: config.Inbox, earlier: Job) -> bool:
    return earlier.elsewhere or stands(earlier, inbox.folder(FOLDERS[earlier.outcome]), journal.key)

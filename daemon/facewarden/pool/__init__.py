"""Keeps worker processes alive. The trusted side's only way into the sandbox."""

from facewarden.pool.local import Pool, default_size
from facewarden.pool.process import PoolStopped

__all__ = ["Pool", "PoolStopped", "default_size"]

"""Keeps worker processes alive. The trusted side's only way into the sandbox."""

from facewarden.pool.contract import Pool, PoolStopped
from facewarden.pool.local import LocalPool, default_size

__all__ = ["LocalPool", "Pool", "PoolStopped", "default_size"]

"""Keeps worker processes alive. The trusted side's only way into the sandbox."""

from facewarden.pool.local import Pool, default_size

__all__ = ["Pool", "default_size"]

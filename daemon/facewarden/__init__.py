"""Facewarden: photos dropped into an inbox leave the outbox with every face hidden."""

__version__ = "0.1.0"

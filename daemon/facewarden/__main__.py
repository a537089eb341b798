"""`python -m facewarden` does what the `facewarden` command does."""

from facewarden.cli import main

main()

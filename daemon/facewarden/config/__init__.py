"""The configuration file: shape first (`models`, `reading`), then sense (`folders`); each fault told with its key."""

from facewarden.config.models import Configuration, Inbox
from facewarden.config.profile import Profile
from facewarden.config.reading import load
from facewarden.config.recipe import recipe_of, terms_of
from facewarden.config.sample import sample

__all__ = ["Configuration", "Inbox", "Profile", "load", "recipe_of", "sample", "terms_of"]

"""The detectors, one a module: each searches a frame at its own scales."""

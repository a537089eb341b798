"""From a path in an inbox to bytes in memory: watch, settle, claim. Trusted; never opens a picture."""

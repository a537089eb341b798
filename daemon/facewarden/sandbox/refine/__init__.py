"""What a search alone does not know: frames around, what transparency shows, zones, and a second look."""

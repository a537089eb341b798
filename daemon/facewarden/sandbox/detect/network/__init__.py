"""Making a detector's network fast: its graph read, mended, folded, computed in integers (docs/decisions/0012)."""

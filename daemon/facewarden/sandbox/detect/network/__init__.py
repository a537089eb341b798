"""Making a detector's network fast: its graph read, mended, folded, and calculated with integers (docs/decisions/0012)."""

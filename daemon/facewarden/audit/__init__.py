"""What became of all photos: accounts that agree, a ledger that shows changes, a report."""

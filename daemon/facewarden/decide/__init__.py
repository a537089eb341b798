"""What a person decides about one photo: found, explained, retried, released, forgotten."""

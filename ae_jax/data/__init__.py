"""Data sets: where they come from, how they are stored and cut into batches."""

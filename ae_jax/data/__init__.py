"""Data sets: where they come from, how they are kept and cut into batches."""

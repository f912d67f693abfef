"""File formats of the package: atomic writes, and reads that trust nothing."""

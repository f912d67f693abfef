"""The schema of a config: its fields, their types and their rules."""

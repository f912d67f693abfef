"""Metrics on whole sets, the baselines beside them, and what the numbers advise."""

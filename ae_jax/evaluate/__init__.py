"""Metrics on whole data sets, baselines, and advice."""

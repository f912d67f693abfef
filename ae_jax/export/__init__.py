"""Artefacts of trained runs: a directory that works elsewhere, one file here a format."""

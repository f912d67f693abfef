"""Folders of images: which files are there, and what they decode to."""

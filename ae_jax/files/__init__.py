"""Files of our own: JSON and checksums."""

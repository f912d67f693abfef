"""Files of our own: written whole or not at all, read as what may be anything."""

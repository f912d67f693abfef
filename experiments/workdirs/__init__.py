"""Work directories: their files, the location of their data, and their lock."""

"""Work directories: their files, where the data of a run are, and who may write."""

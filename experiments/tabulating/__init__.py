"""What `experiments.tables` writes, from the files of measurements."""

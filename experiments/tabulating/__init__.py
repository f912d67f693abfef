"""The parts of `experiments.tables`."""

"""The measurements of `experiments.bench`."""

"""What `experiments.bench` measures."""

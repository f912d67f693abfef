"""What `experiments.run` is made of."""

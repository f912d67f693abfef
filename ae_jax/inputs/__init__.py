"""What users hand in: arrays, labels, keys; checked alike at every door."""

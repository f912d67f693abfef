"""Checks of user input: arrays, labels and keys, the same in every public function."""

"""The forward pass and the slots it is made of."""

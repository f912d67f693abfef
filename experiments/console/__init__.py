"""The command `ae-jax`, which is all commands for users in one, and what it alone can do."""

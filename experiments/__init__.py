"""Commands: flags, files and printing; the computing is in `ae_jax`."""

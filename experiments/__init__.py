"""Commands: flags, files and printing. The computation is in `ae_jax`."""

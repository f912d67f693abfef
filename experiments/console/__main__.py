"""One command for all: `python -m experiments.console`, where it is installed `ae-jax`."""

from .dispatch import main

if __name__ == "__main__":
    main()

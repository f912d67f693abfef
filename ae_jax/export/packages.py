"""Packages that a format needs beside those of ae_jax: the extra 'export' has them all."""

import importlib.util

from ae_jax.errors import ConfigError

NEEDED = {"stablehlo": "flatbuffers", "safetensors": "safetensors"}  # format -> package


def check(format: str) -> None:
    """Raises ConfigError where the package of a format is not installed."""
    name = NEEDED[format]
    if importlib.util.find_spec(name) is None:
        raise ConfigError(
            f"format: '{format}' needs the package {name}: pip install 'ae_jax[export]'"
        )

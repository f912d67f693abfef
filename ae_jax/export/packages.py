"""Packages that a format needs beside those of ae_jax."""

import importlib.util
from typing import NamedTuple

from ae_jax.errors import ConfigError


class Needs(NamedTuple):
    """The packages of a format, and the extra of ae_jax that installs them."""

    writing: tuple[str, ...]
    reading: tuple[str, ...]
    extra: str = "export"


NEEDS = {
    "stablehlo": Needs(("flatbuffers",), ("flatbuffers",)),
    "safetensors": Needs(("safetensors",), ("safetensors",)),
    "onnx": Needs(("jax2onnx", "onnxruntime"), ("onnxruntime",), "onnx"),
    "torch": Needs(("torch", "safetensors"), (), "torch"),
}


def missing(names: tuple[str, ...]) -> list[str]:
    """Those that are not installed."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def check(format: str, reading: bool = False) -> None:
    """Raises ConfigError where a package that writes, or reads, a format is not installed."""
    needs = NEEDS[format]
    if names := missing(needs.reading if reading else needs.writing):
        raise ConfigError(
            f"format: '{format}' needs {' and '.join(names)}: pip install 'ae_jax[{needs.extra}]'"
        )

"""Packages that a format needs beside those of ae_jax."""

import importlib.util
from collections.abc import Sequence

from ae_jax.errors import ConfigError

WRITING: dict[str, Sequence[str]] = {
    "stablehlo": ("flatbuffers",),
    "safetensors": ("safetensors",),
    "onnx": ("jax2onnx", "onnxruntime"),
}
READING = WRITING | {"onnx": ("onnxruntime",)}
EXTRAS = {"onnx": "onnx"}  # format -> extra; of others it is 'export'


def missing(format: str, needed: dict[str, Sequence[str]] = WRITING) -> list[str]:
    """The packages of a format that are not installed."""
    return [name for name in needed[format] if importlib.util.find_spec(name) is None]


def check(format: str, needed: dict[str, Sequence[str]]) -> None:
    """Raises ConfigError where a package of a format is not installed; see WRITING, READING."""
    if names := missing(format, needed):
        extra = EXTRAS.get(format, "export")
        raise ConfigError(
            f"format: '{format}' needs {' and '.join(names)}: pip install 'ae_jax[{extra}]'"
        )

"""Packages that a format needs beside those of ae_jax."""

from collections.abc import Sequence

from ae_jax import extras

WRITING: dict[str, Sequence[str]] = {
    "stablehlo": ("flatbuffers",),
    "safetensors": ("safetensors",),
    "onnx": ("jax2onnx", "onnxruntime"),
}
READING = WRITING | {"onnx": ("onnxruntime",)}
EXTRAS = {"onnx": "onnx"}  # format -> extra; of others it is 'export'


def missing(format: str, needed: dict[str, Sequence[str]] = WRITING) -> list[str]:
    """The packages of a format that are not installed."""
    return extras.missing(needed[format])


def check(format: str, needed: dict[str, Sequence[str]]) -> None:
    """Raises ConfigError where a package of a format is not installed; see WRITING, READING."""
    extras.need(f"format: '{format}'", needed[format], EXTRAS.get(format, "export"))

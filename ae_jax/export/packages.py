"""Packages that a format needs beside those of ae_jax."""

from typing import NamedTuple

from ae_jax import extras


class Needs(NamedTuple):
    """The packages of a format, and the extra of ae_jax that installs them."""

    writing: tuple[str, ...]
    reading: tuple[str, ...]
    extra: str = "export"


NEEDS = {
    "stablehlo": Needs(("flatbuffers",), ("flatbuffers",)),
    "safetensors": Needs((), ()),  # weights of the package's own are in this format
    "onnx": Needs(("jax2onnx", "onnxruntime"), ("onnxruntime",), "onnx"),
    "torch": Needs(("torch",), (), "torch"),
}


def check(format: str, reading: bool = False) -> None:
    """Raises ConfigError where a package that writes, or reads, a format is not installed."""
    needs = NEEDS[format]
    extras.need(f"format: '{format}'", needs.reading if reading else needs.writing, needs.extra)

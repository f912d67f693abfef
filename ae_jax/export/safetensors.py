"""Weights in the format of Hugging Face's `safetensors`, which most frameworks read.

The description beside them has the resolved config, of which the package builds the model again.
"""

from pathlib import Path

import numpy as np
from safetensors import numpy as files

from ae_jax.errors import CheckpointError

WEIGHTS = "weights.safetensors"


def write(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """The arrays by name."""
    (folder / WEIGHTS).write_bytes(packed(arrays))


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    """What a file of the arrays has in it."""
    content: bytes = files.save(arrays, {"format": "ae_jax"})
    return content


def read(folder: Path) -> dict[str, np.ndarray]:
    """The arrays that `write` wrote; those of half precision come back as float32.

    Raises:
      CheckpointError: they cannot be read.
    """
    try:
        found = files.load_file(folder / WEIGHTS)
        return {n: v.astype(np.float32) if v.dtype == np.float16 else v for n, v in found.items()}
    except Exception as error:  # the package's own kind, and those of files
        raise CheckpointError(f"{folder / WEIGHTS}: cannot be read ({error})") from error

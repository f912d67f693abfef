"""Weights in the format of Hugging Face's `safetensors`, which most frameworks read.

The description beside them has the resolved config, of which the package builds the model again.
"""

from pathlib import Path

import numpy as np

from ae_jax.errors import CheckpointError

WEIGHTS = "weights.safetensors"


def write(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """The arrays by name."""
    (folder / WEIGHTS).write_bytes(packed(arrays))


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    """What a file of the arrays has in it."""
    from safetensors import numpy as files  # of an extra, which may not be there

    content: bytes = files.save(arrays, {"format": "ae_jax"})
    return content


def read(folder: Path) -> dict[str, np.ndarray]:
    """The arrays that `write` wrote.

    Raises:
      CheckpointError: they cannot be read.
    """
    from safetensors import numpy as files

    try:
        return dict(files.load_file(folder / WEIGHTS))
    except Exception as error:  # the package's own kind, and those of files
        raise CheckpointError(f"{folder / WEIGHTS}: cannot be read ({error})") from error

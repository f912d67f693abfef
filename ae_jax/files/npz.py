"""Named arrays in one file. Reading executes nothing and limits the size."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the arrays, which hold numbers or text, uncompressed."""
    with file.open("wb") as stream:  # a path without .npz would get it from NumPy
        np.savez(stream, allow_pickle=False, **arrays)


def read(file: Path) -> dict[str, np.ndarray]:
    """The arrays that `write` wrote.

    Raises:
      ValueError: it is none of ours: cut short, changed, compressed, or with pickles.
      OSError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            with zipfile.ZipFile(stream) as archive:
                if any(entry.compress_type for entry in archive.infolist()):
                    raise ValueError("compressed")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as found:
                return dict(found)
    except OSError:
        raise
    except Exception as error:  # zipfile, NumPy and the header's parser each have their own
        raise ValueError(f"{file.name}: cannot be read ({error})") from error

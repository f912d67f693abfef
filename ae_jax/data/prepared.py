"""Data sets that are prepared on this machine: MNIST and Fashion-MNIST, and those of TFDS."""

import contextlib
import difflib
import logging
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ae_jax import extras
from ae_jax.data import idx_files
from ae_jax.errors import DataError


class Place(NamedTuple):
    """Where data sets with a name are: `load_data`'s argument, and the folder of the cache."""

    manual_dir: str | None
    cache: Path


def published(name: str, source: Path | None, cache: Path) -> idx_files.Arrays:
    """MNIST or Fashion-MNIST: verified files -> our TFDS data set in the cache -> arrays.

    Without files, a set that TFDS has prepared on this machine serves, else what is published.
    """
    if source is not None:
        idx_files.check_folder(name, source)
    prepared = cache / "tfds" / name / idx_files.PREPARED
    arrays = idx_files.read_cached(name, prepared)
    if arrays is not None:
        return arrays
    extras.need(f"data.name: '{name}'", extras.TFDS, "tfds", DataError)
    from ae_jax.data import tfds_builders  # costs a third of a second, and only here

    if prepared.exists():  # its decoded arrays are damaged; the records may not be
        arrays = tfds_builders.read_idx(name, prepared)
        if arrays is not None:
            with contextlib.suppress(OSError):
                idx_files.keep(arrays, prepared)
            return arrays
        shutil.rmtree(prepared, ignore_errors=True)
    if source is not None:
        arrays = idx_files.read_folder(source)
    else:
        arrays = tfds_builders.find_idx(name, [_users_tfds()])
        arrays = arrays or idx_files.download(name, cache / "downloads" / name)
    try:
        return tfds_builders.prepare_idx(name, arrays, cache / "tfds")
    except OSError as error:
        why = f"{cache} cannot be used: {error.strerror or error}"
        logging.getLogger(__name__).warning("%s is not cached for the next start (%s)", name, why)
        return arrays


def tfds_folder(name: str, cache: Path, known: Sequence[str]) -> Path:
    """Of a set that TFDS itself knows, or that was prepared elsewhere.

    Args:
      name: as `tfds_builders.find_other` takes it.
      cache: where TFDS prepares it.
      known: other names, for messages.

    Raises:
      DataError: it is not there, or the name is unknown.
    """
    if extras.missing(extras.TFDS):
        raise _unknown(name, known, "; with pip install 'ae_jax[tfds]' TFDS data sets")
    from ae_jax.data import tfds_builders

    user = _users_tfds()
    folder = tfds_builders.find_other(name, [cache / "tfds", user])
    if folder is not None:
        return folder
    of_tfds = tfds_builders.names()
    if re.split("[/:]", name)[0] in of_tfds:
        raise DataError(
            f"data.name: '{name}' is a TFDS data set that is not prepared here\n"
            f"to let TFDS prepare it: pip install 'ae_jax[tf]'\n"
            f"or put it, prepared as array_record, in {cache / 'tfds'} or {user}"
        )
    raise _unknown(name, [*known, *of_tfds], ", TFDS data sets", known)


def _unknown(
    name: str, near: Sequence[str], others: str, known: Sequence[str] | None = None
) -> DataError:
    """The error that names what is known; the name is perhaps one of `near`, misspelled."""
    found = difflib.get_close_matches(name.lower(), near, n=1)
    hint = f"; did you mean '{found[0]}'?" if found else ""
    return DataError(
        f"data.name: unknown data set '{name}'{hint}\n"
        f"known: {', '.join(known or near)}, a folder of images, "
        f"files: .npz, .npy, .csv, .tsv, .parquet{others}"
    )


def places() -> dict[str, Path | None]:
    """Where each named set is that has no generator: files, or prepared; None: not here yet."""
    manual, cache = os.environ.get("AE_JAX_MANUAL_DIR"), cache_folder() / "tfds"
    found: dict[str, Path | None] = dict.fromkeys(idx_files.IDX_SETS)
    for root in (_users_tfds(), cache):
        for info in sorted(root.glob("*/**/dataset_info.json")):
            found[info.parent.parent.relative_to(root).as_posix()] = info.parent
    for name in idx_files.IDX_SETS:
        files = Path(manual).expanduser() / name if manual else None
        if files is not None and files.is_dir():
            found[name] = files
    return found


def _users_tfds() -> Path:
    """Where TFDS keeps what its user has prepared."""
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def cache_folder(cache_dir: str | None = None) -> Path:
    """Where prepared data and compiled programs are kept; see `load_data`."""
    chosen = cache_dir or os.environ.get("AE_JAX_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ae_jax"

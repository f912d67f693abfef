"""The directory of an artefact: description.json, the files of its format, and SHA256SUMS.

It is there whole or not at all, and one changed byte is noticed: see `ae_jax.files.checksums`.
Nothing in it is executed or unpickled by Python.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ae_jax.errors import CheckpointError, ConfigError
from ae_jax.files import checksums, json_file

DESCRIPTION = "description.json"
MADE_BY, VERSION = "ae_jax", 1
MOST_BYTES = 1 << 26  # of a description: a table may have many columns

Text = str | os.PathLike[str]


def write(
    path: Text, description: dict[str, Any], fill: Callable[[Path], None], replace: bool = False
) -> Path:
    """Makes the artefact at `path`, whose other files `fill` writes into a folder; returns where.

    Args:
      path: of the new directory.
      description: what description.json says, beside what this is.
      fill: writes the files of the format.
      replace: whether an artefact that is there gives way.

    Raises:
      ConfigError: there is something else at `path`, or an artefact that is not to be replaced.
      CheckpointError: it cannot be written.
    """
    target = Path(path).expanduser().absolute()
    check_free(target, replace)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir(parents=True)
        fill(temporary)
        said = {"made_by": MADE_BY, "version": VERSION, **description}
        json_file.write(temporary / DESCRIPTION, said)
        checksums.write(temporary)
        if target.exists():
            old = temporary.with_suffix(".old")
            os.rename(target, old)
            os.rename(temporary, target)
            shutil.rmtree(old)
        else:
            os.rename(temporary, target)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def check_free(path: Text, replace: bool) -> None:
    """Refuses to write where something is, unless it is an artefact that may be replaced."""
    target = Path(path).expanduser()
    if not os.path.lexists(target):
        return
    ours = not target.is_symlink() and (target / DESCRIPTION).is_file()
    if not (ours and (target / checksums.NAME).is_file()):
        raise ConfigError(f"{path}: is there already, and is no artefact; choose another path")
    if not replace:
        raise ConfigError(
            f"{path}: an artefact is there already\n"
            "replace=True (--replace) puts the new one in its place; or choose another path (--out)"
        )


def read(path: Text) -> tuple[Path, dict[str, Any]]:
    """(the directory, its description) of an artefact that is what was written.

    Raises:
      CheckpointError: there is none, it is damaged, or it is of another version.
    """
    folder = Path(path).expanduser()
    if not (folder / checksums.NAME).is_file() and not (folder / DESCRIPTION).is_file():
        raise CheckpointError(f"{path}: holds no artefact; experiments.export makes one")
    try:
        checksums.check(folder)
    except checksums.DamagedError as damage:
        raise CheckpointError(f"{path}: is damaged: {damage}") from damage
    said = json_file.read(folder / DESCRIPTION, most_bytes=MOST_BYTES)
    if (said.get("made_by"), said.get("version")) != (MADE_BY, VERSION):
        raise CheckpointError(
            f"{path}: is an artefact of version {said.get('version')}, this ae_jax reads {VERSION}"
        )
    return folder, said

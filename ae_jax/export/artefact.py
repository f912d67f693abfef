"""The directory of an artefact: description.json, the files of its format, and SHA256SUMS.

It is there whole or not at all, and one changed byte is noticed: see `ae_jax.files.checksums`.
Replacing one takes two renames, between which neither is at its path: who looks at that moment
finds nothing, and a process that is killed then leaves the old one beside it, as `.NAME.*.old`.
Nothing in it is executed or unpickled here.
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
    target = expanded(path).absolute()
    check_free(target, replace)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir(parents=True)
        fill(temporary)
        said = {"made_by": MADE_BY, "version": VERSION, **description}
        json_file.write(temporary / DESCRIPTION, said)
        checksums.write(temporary)
        check_free(target, replace)  # filling takes a while
        _put(temporary, target)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _put(temporary: Path, target: Path) -> None:
    """Gives `temporary` its name; what is there goes last, and comes back where that fails."""
    if not os.path.lexists(target):
        os.rename(temporary, target)
        return
    old = temporary.with_suffix(".old")
    os.rename(target, old)
    try:
        os.rename(temporary, target)
    except BaseException:
        try:
            os.rename(old, target)
        except OSError as error:
            raise CheckpointError(
                f"{target}: cannot be written; the artefact that was there is now {old}"
            ) from error
        raise
    shutil.rmtree(old, ignore_errors=True)  # the new one is there, whatever is left of the old


def check_free(path: Text, replace: bool) -> None:
    """Refuses to write where something is, unless it is an artefact that may be replaced.

    It must be ours by its description, and hold nothing but what its list of checksums names.

    Raises:
      ConfigError: says what is there, and what to do.
    """
    target = expanded(path)
    if not os.path.lexists(target):
        return
    if not _is_ours(target):
        raise ConfigError(f"{path}: is there already, and is no artefact; choose another path")
    try:
        others = checksums.unlisted(target)
    except checksums.DamagedError as damage:
        raise ConfigError(f"{path}: is there already ({damage}); choose another path") from damage
    if others:
        raise ConfigError(
            f"{path}: holds {others[0]}, which is not of the artefact there; choose another path"
        )
    if not replace:
        raise ConfigError(
            f"{path}: an artefact is there already\n"
            "replace=True (--replace) puts the new one in its place; or choose another path (--out)"
        )


def _is_ours(target: Path) -> bool:
    if target.is_symlink():
        return False
    try:
        said = json_file.read(target / DESCRIPTION, most_bytes=MOST_BYTES)
    except CheckpointError:
        return False
    return said.get("made_by") == MADE_BY and (target / checksums.NAME).is_file()


def expanded(path: Text) -> Path:
    """The path with the home directory for its ~.

    Raises:
      ConfigError: it is no path, or there is no such home.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ConfigError(f"path: must be text or a pathlib.Path, not {path!r}")
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise ConfigError(f"{path}: nobody here has the home directory {found.split('/')[0]}")
    return Path(found)


def read(path: Text) -> tuple[Path, dict[str, Any]]:
    """(the directory, its description) of an artefact that is what was written.

    Raises:
      CheckpointError: there is none, it is damaged, or it is of another version.
      ConfigError: errors of `expanded`.
    """
    folder = expanded(path)
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

"""SHA256SUMS of a directory: every file is listed, and every listed file is unchanged.

The format is that of coreutils, so `sha256sum -c SHA256SUMS` gives the same result. The list needs
no checksum of its own: a changed digest or name no longer matches a file, and a lost line leaves a
file unlisted.
"""

import hashlib
import os
from pathlib import Path

NAME = "SHA256SUMS"
MOST_BYTES = 1 << 20  # of a list; a longer one is not ours


class DamagedError(Exception):
    """Names the file, and what is wrong with it."""


def write(directory: Path) -> None:
    """Lists the files below `directory` in its SHA256SUMS."""
    lines = [f"{_sha256(directory / name)}  {name}\n" for name in _files(directory)]
    (directory / NAME).write_text("".join(lines))


def check(directory: Path) -> None:
    """Reads every file once; none but those below `directory` is opened.

    Raises:
      DamagedError: a file is missing, unlisted, a link, or not what was written.
    """
    try:
        listed = _read(directory)
        found = _files(directory)
        for name in sorted(listed.keys() ^ set(found)):
            wrong = "is missing, but listed in" if name in listed else "is not listed in"
            raise DamagedError(f"{name}: {wrong} {NAME}")
        for name in found:
            if _sha256(directory / name) != listed[name]:
                raise DamagedError(f"{name}: does not match {NAME}")
    except OSError as error:
        raise DamagedError(f"{error.filename}: {error.strerror}") from error


def unlisted(directory: Path) -> list[str]:
    """Relative names of the files below `directory` that its SHA256SUMS does not name.

    Raises:
      DamagedError: there is no list, a file is a link, or one cannot be looked at.
    """
    try:
        return sorted(set(_files(directory)) - _read(directory).keys())
    except OSError as error:
        raise DamagedError(f"{error.filename}: {error.strerror}") from error


def _read(directory: Path) -> dict[str, str]:
    """name -> SHA-256."""
    file = directory / NAME
    if not file.is_file() or file.is_symlink():
        raise DamagedError(f"{NAME}: is missing")
    if file.stat().st_size > MOST_BYTES:
        raise DamagedError(f"{NAME}: is too large for a checksum list")
    lines = file.read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
    return {line[66:].removesuffix("\n"): line[:64] for line in lines if line[64:66] == "  "}


def _files(directory: Path) -> list[str]:
    """Relative names of the regular files below `directory`, but for the list itself."""
    names = []
    for folder, subfolders, files in os.walk(directory, onerror=_raise):
        for path in (Path(folder, name) for name in (*subfolders, *files)):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise DamagedError(f"{path.relative_to(directory)}: is not a plain file")
        names += [str(Path(folder, name).relative_to(directory)) for name in files]
    return sorted(set(names) - {NAME})


def _raise(error: OSError) -> None:
    raise error


def _sha256(file: Path) -> str:
    with file.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()

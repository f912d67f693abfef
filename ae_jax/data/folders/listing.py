"""Which images a folder has: their paths, classes and parts, in one order everywhere."""

import os
from pathlib import Path
from typing import NamedTuple

from ae_jax.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
PARTS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}  # folder -> part


class File(NamedTuple):
    """One image file: the part and class that its folders say, and what changes when it does."""

    part: str  # train, valid or test
    label: str | None  # the class
    path: str
    size: int
    modified: tuple[int, int]  # ns: its bytes, and its entry in the file system


class _Entries(NamedTuple):
    images: list[File]
    folders: list[Path]


def files(root: Path) -> list[File]:
    """The images of a folder, sorted by path: `root/class/x.png`, or `root/x.png` without classes.

    On top there may be train/ with valid/ (or val/) and test/, each of these again with or without
    classes. Passed over are hidden files and folders, and what has not the suffix of an image.
    A link to something in the same folder is followed.

    Args:
      root: an absolute path without links.

    Raises:
      DataError: no such folder, no images in it or in a part, images beside classes or deeper
        than they are, a link out of the folder, something that cannot be read.
    """
    if not root.is_dir():
        what = "a file; say the folder it is in" if root.exists() else "no such folder"
        raise DataError(f"data.name: unknown data set '{root}': {what}")
    try:
        top = _entries(root, root, "train", None)
        parts = {folder.name: folder for folder in top.folders if folder.name in PARTS}
        if not parts:
            return _part(root, root, "train")
        _refuse_others(root, top, parts)
        found = [file for name in sorted(parts) for file in _part(root, parts[name], PARTS[name])]
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return found


def _refuse_others(root: Path, top: _Entries, parts: dict[str, Path]) -> None:
    if "train" not in parts:
        raise DataError(f"{root}: has {', '.join(sorted(parts))}, but no train")
    if "valid" in parts and "val" in parts:
        raise DataError(f"{root}: has valid and val; one must go")
    others = [file.path for file in top.images]
    others += [str(folder) for folder in top.folders if folder.name not in PARTS]
    if others:
        raise DataError(
            f"{min(others)}: stands beside train; there only valid and test may be\n"
            "if train is the name of a class, move all classes into a new folder train"
        )


def _part(root: Path, folder: Path, part: str) -> list[File]:
    """The images of a part, classes in order, of each its images in order."""
    top = _entries(root, folder, part, None)
    found = sorted(top.images)
    for inner in sorted(top.folders):
        entries = _entries(root, inner, part, inner.name)
        if entries.folders:
            raise DataError(
                f"{entries.folders[0]}: a folder in a class; images must be in {folder}/CLASS/"
            )
        found += sorted(entries.images)
    if top.images and len(found) > len(top.images):
        raise DataError(
            f"{top.images[0].path}: stands beside folders of images, such as {found[-1].label}; "
            "all must be in folders, or none"
        )
    if not found:
        listed = " ".join(suffix[1:] for suffix in SUFFIXES)
        raise DataError(f"{folder}: no images ({listed}), neither in it nor in CLASS/ of it")
    return found


def _entries(root: Path, folder: Path, part: str, label: str | None) -> _Entries:
    """What is in a folder, in the order of the file system."""
    images, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            image = entry.name.lower().endswith(SUFFIXES)
            if entry.name.startswith(".") or not (image or entry.is_dir()):
                continue
            if entry.is_symlink():
                _refuse_outside(root, entry.path)
            if entry.is_dir():
                folders.append(Path(entry.path))
                continue
            known = entry.stat()
            if entry.is_file():
                changed = known.st_mtime_ns, known.st_ctime_ns
                images.append(File(part, label, entry.path, known.st_size, changed))
    return _Entries(images, folders)


def _refuse_outside(root: Path, link: str) -> None:
    to = Path(os.path.realpath(link))
    if not to.is_relative_to(root):
        raise DataError(
            f"{link}: a link out of the folder, to {to}\n"
            "copy what it links to, or say that folder as data.name"
        )

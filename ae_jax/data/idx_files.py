"""MNIST and Fashion-MNIST as published: four IDX files each, found or downloaded, always verified.

The URLs and the SHA-256 of the compressed files are those of TFDS. The SHA-256 of the decompressed
IDX bytes are stored as well. They are the actual guarantee: every array this module returns matches
them. They also accept files with another gzip wrapper, such as Debian's `dataset-fashion-mnist`,
which removes name and time from the gzip header.
"""

import contextlib
import gzip
import hashlib
import io
import os
import queue
import tempfile
import threading
import urllib.parse
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_jax.errors import DataError

CONNECT_SECONDS = 1.5  # so that a machine without network hears within 2 seconds what it needs
STALL_SECONDS = 20.0  # an established download may be slow, but not silent for longer

PREPARED = "1.0.0"  # version of the TFDS data sets that tfds_builders writes
CACHED = "arrays.npz"  # their decoded arrays, in the same directory

Arrays = dict[str, np.ndarray]
PARTS = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}


class IdxFile(NamedTuple):
    """Checksums of one file: as published (gzip), and decompressed."""

    sha256: str
    raw_sha256: str


class IdxSet(NamedTuple):
    """Where a data set is published, and its four files under the keys of `PARTS`."""

    url: str
    files: dict[str, IdxFile]


IDX_SETS = {
    "mnist": IdxSet(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        {
            "train_images": IdxFile(
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            "train_labels": IdxFile(
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            "test_images": IdxFile(
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            "test_labels": IdxFile(
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        },
    ),
    "fashion_mnist": IdxSet(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train_images": IdxFile(
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            "train_labels": IdxFile(
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            "test_images": IdxFile(
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            "test_labels": IdxFile(
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        },
    ),
}


def parse_idx(data: bytes) -> np.ndarray:
    """Decompressed IDX bytes -> uint8 array: 0, 0, 8, ndim, big-endian sizes, then the values."""
    ndim = data[3]
    shape = np.frombuffer(data, ">u4", ndim, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * ndim).reshape(shape).copy()


def idx_sha256(array: np.ndarray) -> str:
    """SHA-256 of the IDX bytes that a uint8 array would be written as: `raw_sha256` if intact."""
    header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    digest = hashlib.sha256(header)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def intact(arrays: Arrays, name: str) -> bool:
    """Whether images [n, H, W] and labels [n], both uint8, are byte for byte the published ones."""
    files = IDX_SETS[name].files
    return all(
        part in arrays
        and arrays[part].dtype == np.uint8
        and idx_sha256(arrays[part]) == f.raw_sha256
        for part, f in files.items()
    )


def check_folder(name: str, folder: Path) -> None:
    """Every file of data set `name` is in `folder` and is the published one.

    Raises:
      DataError: files are missing, truncated, damaged or swapped; names file and expected SHA-256.
    """
    missing = [part for part, file in PARTS.items() if not (folder / file).is_file()]
    if missing:
        raise DataError(_needed(name, missing, f"{folder}: {len(missing)} of 4 files are missing"))
    for part, file in PARTS.items():
        path, expected = folder / file, IDX_SETS[name].files[part]
        wrong = _fault(_read(path), expected)
        if wrong:
            raise DataError(
                f"{path}: {wrong}\nexpected sha256 {expected.sha256}\nreplace it (from "
                f"{IDX_SETS[name].url}), or unset data.manual_dir and AE_JAX_MANUAL_DIR"
            )


def read_folder(folder: Path) -> Arrays:
    """The four arrays of a checked folder: images uint8 [n, H, W], labels uint8 [n]."""
    return {part: parse_idx(_gunzip(_read(folder / file))) for part, file in PARTS.items()}


def download(name: str, folder: Path) -> Arrays:
    """The arrays of data set `name`, from `folder` or, what it lacks, from where it is published.

    What was fetched is kept in `folder` once it is verified; a folder that cannot be written only
    means that it is fetched again.

    Raises:
      DataError: no network (within 2 seconds), or what came is not the published file.
    """
    published = IDX_SETS[name]
    held = {part: _read(folder / file) for part, file in PARTS.items() if (folder / file).is_file()}
    data = {part: b for part, b in held.items() if not _fault(b, published.files[part])}
    lacking = [part for part in PARTS if part not in data]
    for part in lacking:
        url = urllib.parse.urljoin(published.url, PARTS[part])
        try:
            data[part] = _fetch(url)
        except Exception as error:  # socket, ssl and http have each their own kinds
            host = urllib.parse.urlsplit(url).hostname
            why = f"{name}: not on this machine, and cannot be downloaded from {host} ({error})"
            raise DataError(_needed(name, lacking, why)) from None
        wrong = _fault(data[part], published.files[part])
        if wrong:
            raise DataError(_needed(name, lacking, f"{url}: the download is {wrong}"))
        with contextlib.suppress(OSError):
            _store(folder / PARTS[part], data[part])
    return {part: parse_idx(_gunzip(data[part])) for part in PARTS}


def read_cached(name: str, folder: Path) -> Arrays | None:
    """The arrays kept by `keep` in `folder`; None if absent or not byte for byte the published."""
    try:
        with (folder / CACHED).open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = {part: kept[part] for part in PARTS}
    except Exception:  # damage shows as any of eight kinds, and the answer to all is to rebuild
        return None
    return arrays if intact(arrays, name) else None


def keep(arrays: Arrays, folder: Path) -> None:
    """Writes the arrays for `read_cached`, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    _store(folder / CACHED, buffer.getvalue())


def open_url(url: str) -> Any:
    """`urlopen` that gives up after CONNECT_SECONDS: an HTTP response to read and close.

    A thread, because the name look-up inside it knows no time limit; it is a daemon, so that a
    look-up that still hangs does not keep the program alive.
    """
    import urllib.error
    import urllib.request

    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=STALL_SECONDS))
        except Exception as error:  # whatever it is, it belongs to the caller's thread
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise OSError(f"no answer within {CONNECT_SECONDS} s") from None
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise OSError(f"{answer.code} {answer.reason}")
    if isinstance(answer, urllib.error.URLError):
        raise OSError(answer.reason)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _fetch(url: str) -> bytes:
    from tqdm import tqdm

    with contextlib.closing(open_url(url)) as answer:
        size = int(answer.headers.get("Content-Length") or 0) or None
        pieces = []
        # disable=None: a bar on a terminal only
        with tqdm(total=size, unit="B", unit_scale=True, desc=url, disable=None) as bar:
            while piece := answer.read(1 << 16):
                pieces.append(piece)
                bar.update(len(piece))
    return b"".join(pieces)


def _fault(data: bytes, expected: IdxFile) -> str | None:
    """What is wrong with a file's bytes; None: it is the published file, or decompresses to it."""
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 == expected.sha256:
        return None
    raw_sha256 = hashlib.sha256(_gunzip(data)).hexdigest()
    if raw_sha256 == expected.raw_sha256:
        return None
    for name, published in IDX_SETS.items():
        for part, other in published.files.items():
            if raw_sha256 == other.raw_sha256:
                return f"another file, {name}'s {PARTS[part]}"
    return f"truncated, damaged or another version ({len(data)} bytes, sha256 {sha256})"


def _gunzip(data: bytes) -> bytes:
    """Decompressed bytes; as they are if they are not gzip (some browsers unpack on download)."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return b""


def _store(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as scratch:
        part = Path(scratch) / path.name
        part.write_bytes(data)
        os.replace(part, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None


def _needed(name: str, parts: list[str], why: str) -> str:
    published = IDX_SETS[name]
    listed = ", ".join(f"{PARTS[part]} sha256 {published.files[part].sha256}" for part in parts)
    return (
        f"{why}\nneeded: {listed}\nget them from {published.url} into DIR/{name} and set "
        f"data.manual_dir=DIR or AE_JAX_MANUAL_DIR=DIR; data.name=mnist5k needs no files"
    )

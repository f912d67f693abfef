"""The TFDS route without TensorFlow: a builder for IDX data, and data sets prepared elsewhere.

TFDS's own `mnist` needs TensorFlow to unpack and encode, and without a network its downloader
retries for minutes. A builder that receives verified arrays and writes `array_record` avoids both.
The result is an ordinary TFDS data set that every TFDS program can read.

TFDS stores one record per image, so reading 70,000 images takes 2 to 3 seconds. The decoded arrays
are therefore cached next to the records and checked against the published SHA-256 at each load.
"""

import contextlib
import functools
import io
import operator
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.hashing import Hasher

from ae_jax.data import idx_files
from ae_jax.data.idx_files import Arrays
from ae_jax.errors import DataError

Keys = tuple[str, ...]
Part = tuple[np.ndarray, np.ndarray | None]  # images [n, H, W, C], labels [n] if known

SUPPORTED = (
    "supported are images called 'image', and tables of numbers, booleans, classes, texts and "
    "vectors of fixed length"
)
SCRATCH = ".preparing-"
NAME = re.compile(r"(?P<folder>\w+(/[\w.-]+)*)(:(?P<version>\d+\.\d+\.\d+))?")


class Entry(NamedTuple):
    """What the features of a TFDS set say of one entry of its examples.

    Attributes:
      keys: where it stands in an example; several in dicts of dicts.
      text: what TFDS calls it, such as 'Audio(shape=(None,), dtype=int64)'.
      shape: () of a scalar; None where an axis has no fixed length, or it is no array.
      dtype: of NumPy, object for texts; None where it is no array.
      classes: the names of the classes 0 ... k-1 of a ClassLabel.
    """

    keys: Keys
    text: str
    shape: tuple[int, ...] | None
    dtype: np.dtype | None
    classes: tuple[str, ...] | None

    @property
    def name(self) -> str:
        """What a table calls it, 'a/b' in dicts of dicts."""
        return "/".join(self.keys)


class Described(NamedTuple):
    """What the TFDS set in a folder says of itself.

    Attributes:
      folder: of the set.
      has_images: its examples have an 'image', and are read as images.
      entries: of its examples, in the order of their keys; () where it has images.
      label: the name of the entry that is to be predicted, or None.
      splits: their names; 'train' is among them.
    """

    folder: Path
    has_images: bool
    entries: tuple[Entry, ...]
    label: str | None
    splits: tuple[str, ...]


class LocalInfo(tfds.core.DatasetInfo):
    """Facts about a data set that TFDS has not published: none to be asked for over the network."""

    def initialize_from_bucket(self) -> None:
        """TFDS would look in its cloud bucket, and leave an empty temporary directory each time."""


class IdxImages(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A TFDS data set {'image': uint8 [H, W, 1], 'label'} from IDX arrays, in the files' order."""

    VERSION = tfds.core.Version(idx_files.PREPARED)

    def __init__(self, name: str, arrays: Arrays, data_dir: Path) -> None:
        self.name = name
        self._arrays = arrays
        super().__init__(data_dir=data_dir, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        shape = (*self._arrays["train_images"].shape[1:], 1)
        classes = int(self._arrays["train_labels"].max()) + 1
        return LocalInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    # Plain bytes: half the time of PNG or of TFDS's default list of integers,
                    # and no larger, for array_record compresses.
                    "image": tfds.features.Tensor(
                        shape=shape, dtype=np.uint8, encoding=tfds.features.Encoding.BYTES
                    ),
                    "label": tfds.features.ClassLabel(num_classes=classes),
                }
            ),
            homepage=idx_files.IDX_SETS[self.name].url,
            disable_shuffling=True,  # the published order, so that the bytes can be compared
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(split) for split in ("train", "test")}

    def _generate_examples(self, split: str) -> Any:
        images, labels = self._arrays[f"{split}_images"], self._arrays[f"{split}_labels"]
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield index, {"image": image[..., None], "label": int(label)}


def prepare_idx(name: str, arrays: Arrays, root: Path) -> Arrays:
    """Writes the TFDS data set `root/name/1.0.0` as array_record; the arrays as TFDS reads them.

    All is made in a scratch directory and moved into place by one rename, so that two processes
    that prepare at once, or one that is killed, never leave half a data set.

    Raises:
      OSError: `root` cannot be written, or is full.
    """
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{SCRATCH}*"):  # by a process that was killed
        with contextlib.suppress(OSError):  # or is just being removed by its own
            if time.time() - left.stat().st_mtime > 3_600:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=root) as scratch:
        try:
            _download_and_prepare(IdxImages(name, arrays, Path(scratch)))
        except RuntimeError as error:  # so array_record reports a full disk
            raise OSError(_first_line(error)) from None
        made = Path(scratch) / name / idx_files.PREPARED
        back = read_idx(name, made)
        if back is None:
            raise OSError("the written data could not be read back")
        idx_files.keep(back, made)
        place = root / name / idx_files.PREPARED
        place.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another process was first: its copy is as good
            os.rename(made, place)
    return back


def read_idx(name: str, folder: Path) -> Arrays | None:
    """Images uint8 [n, H, W] and labels uint8 [n] of a set written by `prepare_idx`.

    None: it is damaged, or not byte for byte the published data.
    """
    try:
        arrays = _both_splits(folder)
    except Exception:  # TFDS and array_record raise a dozen unrelated kinds
        return None
    return arrays if idx_files.intact(arrays, name) else None


def find_idx(name: str, roots: list[Path]) -> Arrays | None:
    """`read_idx` of a set that TFDS itself has prepared below one of `roots`, in published order.

    TFDS deals the records in the order of a hash of their keys, which are 0 ... n-1, so that the
    same hash tells where each one was.

    Raises:
      DataError: there is one, and it is damaged or not the published data.
    """
    folder = next((found for root in roots if (found := _prepared(name, root))), None)
    if folder is None:
        return None
    with _named(folder):
        arrays = _both_splits(folder)
        if not idx_files.intact(arrays, name):
            arrays = {part: values[_places(part, len(values))] for part, values in arrays.items()}
        if not idx_files.intact(arrays, name):
            raise DataError(f"is not {name} as published; remove it, or prepare it again")
    return arrays


def _both_splits(folder: Path) -> Arrays:
    """Images uint8 [n, H, W] and labels uint8 [n] of 'train' and 'test', as they are stored."""
    builder = tfds.builder_from_directory(folder)
    arrays = {}
    for split in ("train", "test"):
        images, labels = _read_split(builder, split)
        arrays[f"{split}_images"] = images[..., 0]
        arrays[f"{split}_labels"] = np.asarray(labels, np.uint8)
    return arrays


def _places(part: str, n: int) -> np.ndarray:
    """Where TFDS has put record 0 ... n-1 of a split [n]; a part is named `<split>_images`."""
    hashed = Hasher(part.partition("_")[0]).hash_key
    order = sorted(range(n), key=hashed)
    return np.argsort(order)


def find_other(name: str, roots: list[Path]) -> Path | None:
    """The folder of any other TFDS set.

    Found prepared as array_record below one of `roots` as `name[/config][/version]`; otherwise
    prepared below `roots[0]` by TFDS itself if TensorFlow is installed. None: neither.

    Raises:
      DataError: TFDS could not prepare it.
    """
    folder = next((found for root in roots if (found := _prepared(name, root))), None)
    if folder is None:
        if name.split("/")[0].split(":")[0] not in names() or find_spec("tensorflow") is None:
            return None
        folder = _prepare_other(name, roots[0])
    return folder


def described(folder: Path) -> Described:
    """What the set in `folder` says of itself; no example is read.

    Raises:
      DataError: no split 'train', not array_record, or damaged.
    """
    with _named(folder):
        try:
            builder = tfds.builder_from_directory(folder)
        except ModuleNotFoundError as error:  # TensorFlow, as soon as TFDS reads what they are
            raise DataError(f"has audio or video, which need {error.name}; {SUPPORTED}") from None
        _split_names(builder)
        features, splits = builder.info.features, tuple(builder.info.splits)
        if "image" in features:
            return Described(folder, True, (), None, splits)
        label = (builder.info.supervised_keys or (None, None))[1]  # a third says weights
        known = label if isinstance(label, str) else None
        return Described(folder, False, tuple(_entries(features)), known, splits)


def _entries(features: Any, above: Keys = ()) -> Iterator[Entry]:
    for key, feature in sorted(features.items()):
        keys = (*above, key)
        if isinstance(feature, tfds.features.FeaturesDict):
            yield from _entries(feature, keys)
            continue
        text, shape, dtype = " ".join(repr(feature).split())[:80], feature.shape, None
        if not isinstance(shape, tuple) or isinstance(feature, tfds.features.Dataset):
            shape = None
        else:
            dtype = np.dtype(feature.np_dtype)
            shape = None if None in shape else shape
        item = feature.feature if isinstance(feature, tfds.features.Sequence) else feature
        known = isinstance(item, tfds.features.ClassLabel) and item.num_classes
        yield Entry(keys, text, shape, dtype, tuple(item.names) if known else None)


def read_entries(folder: Path, split: str, keys: Sequence[Keys]) -> dict[Keys, list[Any]]:
    """Where an entry stands -> its values in all examples of a split, None where it has none.

    Raises:
      DataError: the records are damaged.
    """
    found: dict[Keys, list[Any]] = {place: [] for place in keys}
    with _named(folder):
        source: Any = tfds.builder_from_directory(folder).as_data_source(split)
        for records in _thousands(source):
            for place, values in found.items():
                values += [functools.reduce(operator.getitem, place, r) for r in records]
    return found


def load_other(folder: Path) -> Arrays:
    """The image set in `folder`: images [n, H, W, C] and labels [n], or absent where unlabeled.

    Where there is no `test` split, `validation` serves, and else the last tenth of `train`.

    Raises:
      DataError: not an image data set, not array_record, or damaged.
    """
    arrays: Arrays = {}
    with _named(folder):
        builder = tfds.builder_from_directory(folder)
        for part, split in zip(("train", "test"), _split_names(builder), strict=True):
            images, labels = _read_split(builder, split)
            arrays[f"{part}_images"] = images
            if labels is not None:
                arrays[f"{part}_labels"] = labels
    return arrays


def stream_other(folder: Path) -> tuple[int, Part, Iterator[Part]]:
    """As `load_other` (number of training images, test set, training set a thousand at a time)."""
    with _named(folder):
        builder = tfds.builder_from_directory(folder)
        train, test = _split_names(builder)
        n, held = builder.info.splits[train].num_examples, _read_split(builder, test)

    def parts() -> Iterator[Part]:
        with _named(folder):
            yield from _read_parts(builder, train)

    return n, held, parts()


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # TFDS and array_record raise a dozen unrelated kinds
        raise DataError(f"{folder}: {_first_line(error)}") from None


def names() -> list[str]:
    """The names of all TFDS data sets (no network)."""
    return tfds.list_builders(with_community_datasets=False)


def _prepared(name: str, root: Path) -> Path | None:
    """The newest prepared version of `name` (or the one it asks for) below `root`."""
    asked = NAME.fullmatch(name)
    if asked is None:
        return None
    found = [p.parent for p in (root / asked["folder"]).glob("*.*.*/dataset_info.json")]
    if asked["version"]:
        found = [p for p in found if p.name == asked["version"]]
    return max(found, key=lambda p: [int(n) for n in p.name.split(".")], default=None)


def _prepare_other(name: str, root: Path) -> Path:
    try:
        builder = tfds.builder(name, data_dir=root, file_format="array_record")
        for url in list(builder.url_infos)[:1]:  # TFDS itself would retry for minutes
            idx_files.open_url(url).close()
        _download_and_prepare(builder)
    except Exception as error:  # TFDS raises a dozen unrelated kinds
        raise DataError(f"{name}: TFDS cannot prepare it ({_first_line(error)})") from None
    return Path(builder.data_dir)


def _download_and_prepare(builder: tfds.core.DatasetBuilder) -> None:
    """With TFDS's bars on a terminal only, and without its announcements on stdout."""
    tfds.display_progress_bar(sys.stderr.isatty())
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare()


def _split_names(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    written_as = builder.info.file_format.value
    if written_as != "array_record":
        raise DataError(f"prepared as {written_as}; prepare it with file_format='array_record'")
    splits = builder.info.splits
    for test in ("test", "validation"):
        if "train" in splits and test in splits:
            return "train", test
    if "train" not in splits:
        raise DataError(f"has no split 'train', only {', '.join(splits)}")
    return "train[:90%]", "train[90%:]"


def _read_split(builder: tfds.core.DatasetBuilder, split: str) -> Part:
    """All images of a split as one array, with labels where all of them are whole numbers."""
    images, labels = zip(*_read_parts(builder, split), strict=True)
    whole = [part for part in labels if part is not None]
    return np.concatenate(images), np.concatenate(whole) if len(whole) == len(labels) else None


def _read_parts(builder: tfds.core.DatasetBuilder, split: str) -> Iterator[Part]:
    """The images of a split a thousand at a time: read together, three times as fast."""
    if "image" not in builder.info.features:
        raise DataError(f"has no 'image', only {', '.join(builder.info.features)}")
    source: Any = builder.as_data_source(split)
    shape = source[0]["image"].shape
    for records in _thousands(source):
        for record in records:
            if record["image"].shape != shape:
                raise DataError(f"images differ in size: {record['image'].shape}, {shape}")
        labels = [record.get("label") for record in records]
        whole = all(isinstance(label, (int, np.integer)) for label in labels)
        yield np.stack([r["image"] for r in records]), np.asarray(labels) if whole else None


def _thousands(source: Any) -> Iterator[Any]:
    """The examples of a split, a thousand at a time."""
    for start in range(0, len(source), 1_000):
        yield source.__getitems__(range(start, min(start + 1_000, len(source))))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

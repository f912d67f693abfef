"""Loads a data set by name, path or object: digits, TFDS sets, files, folders, arrays, frames.

Every route ends in the checks of `arrays` or `tables`, so all training data pass the same ones.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ae_jax.config import schema
from ae_jax.config.sections import OF_ARRAYS, OF_FOLDER, OF_TABLE, Config
from ae_jax.data import bundled, idx_files, mnist5k, own, prepared, shapes, synthetic
from ae_jax.data.arrays import (
    Dataset,
    Split,
    alike,
    from_arrays,
    has_holes,
    hold_out,
    numbered,
    rows,
    subset,
)
from ae_jax.data.bundled import BUNDLED
from ae_jax.data.synthetic import N_TEST, N_TRAIN, SYNTHETIC
from ae_jax.errors import ConfigError, DataError

__all__ = ["KNOWN", "Dataset", "Split", "from_arrays", "hold_out", "load_data", "subset"]

KNOWN = ("mnist5k", *idx_files.IDX_SETS, *SYNTHETIC, *BUNDLED)
SPLITS = ("canonical", "random")


def load_data(
    name: str | os.PathLike[str] | Dataset | ArrayLike,
    manual_dir: str | None = None,
    split: str = "canonical",
    split_seed: int = 0,
    cache_dir: str | None = None,
    streaming: bool = False,
    resize: int | Sequence[int] | None = None,
    crop: int | Sequence[int] | None = None,
    color: str = "keep",
    skip_bad: bool = False,
    columns: str | Sequence[str] | None = None,
    label: str | None = None,
    drop: str | Sequence[str] = "",
    kind: str = "auto",
) -> Dataset:
    """The data set of a name, a path or an object; the same bytes at every call.

    Args:
      name: one of these three.
        A name: `mnist5k` (4,000/1,000 digits out of MNIST's training set, equal classes, no
        download); `mnist`, `fashion_mnist` (60,000/10,000); `spiral`, `curve3d`, `gaussian`
        (`synthetic.py`); `breast_cancer`, `counts` and `dictionary`, rows, `waves`, signals, and
        `shapes`, images of known factors (`bundled.py`); any TFDS data set that is prepared as
        array_record, or that TFDS can prepare here: of images, or of rows (`tfds_tables`).
        A path: `path/to/file.npz` (arrays `train`, `test` and, optional, `train_labels`,
        `test_labels`, all as `from_arrays` takes them, and `train_mask`, `test_mask`, true where
        something was observed); `.npy`, one such array; a table `.csv`, `.tsv` or
        `.parquet`, or a folder with `train.csv` and perhaps `valid.csv`, `test.csv` (see
        `table.read`); a folder of images (`DIR/class/x.png` or `DIR/x.png`, optionally below
        `train`, `valid`, `test`; see `folder.load`).
        An object: a data frame of pandas or polars or a table of pyarrow (`table.of_frame`); an
        array, a tensor of PyTorch or JAX, or a list of tensors or of Pillow's images, as
        `from_arrays` takes them. A tenth of these is held out. Or a `Dataset`, which is checked.
      manual_dir: where `mnist/train-images-idx3-ubyte.gz` and so on are; else $AE_JAX_MANUAL_DIR.
        The four files are verified at every call, and nothing is downloaded. Without it a set that
        TFDS has prepared in $TFDS_DATA_DIR or ~/tensorflow_datasets is verified and used.
      split: 'canonical', or 'random': train and test pooled and dealt out again, same sizes; not of
        a `Dataset`.
      split_seed: of the random split.
      cache_dir: else $AE_JAX_CACHE, $XDG_CACHE_HOME/ae_jax or ~/.cache/ae_jax; it need not be
        writable.
      streaming: the training images stay on disk, as `on_disk.Records`; the test set must fit in
        memory. The first call writes them into the cache, later ones only open what it wrote. Rows
        and signals stay in their .npy file, as `mapped.Mapped`. Not of an object, nor is
        manual_dir.
      resize: of a folder of images, as crop, color, skip_bad: n for n x n pixels, or (height,
        width); with `crop`, n is the length of the shorter side.
      crop: n or (height, width) of the middle, after resizing.
      color: 'keep', 'gray', 'rgb' or 'rgba'; for 'gray' and 'rgb' what is transparent is white.
      skip_bad: leave out files that cannot be read, and log how many; else they are an error.
      columns: of a table or frame, as label, drop: which to use, 'age,job:category' or
        ('age', ...), with what one is behind a colon where that is not as inferred; '*' stands for
        all others.
      label: the column of labels; of a TFDS set what it says is its label, unless `columns` or
        `drop` name this.
      drop: columns to leave out.
      kind: of arrays, in a file or not: 'image', 'signal' or 'rows'; 'auto': rows of two axes, else
        images.

    Raises:
      DataError: unknown name; files missing, damaged or swapped; no network (within 2 seconds);
        for streaming, a cache that cannot be written; an object that cannot be read.
      ConfigError: an unknown split, a random one with streaming or with a negative `split_seed`;
        options of a folder, table or array for something else; streaming, manual_dir of an object.
    """
    if split not in SPLITS:
        raise ConfigError(schema.unknown("data.split", split, SPLITS, "choice"))
    if streaming and split != "canonical":
        raise ConfigError("data.streaming: needs data.split 'canonical'")
    options: dict[str, Any] = {"resize": resize, "crop": crop, "color": color, "skip_bad": skip_bad}
    options |= {"columns": columns, "label": label, "drop": drop, "kind": kind}
    dealt = split == "random"
    if isinstance(name, str | os.PathLike):
        place = prepared.Place(manual_dir, prepared.cache_folder(cache_dir))
        dataset = _named(os.fspath(name), options, place, streaming, dealt)
    else:
        _refuse_of_object(name, manual_dir, streaming, dealt)
        dataset = own.of_object(name, options)
    return _dealt_again(dataset, split_seed) if dealt else dataset


def _refuse_of_object(value: object, manual_dir: str | None, streaming: bool, dealt: bool) -> None:
    """Refuses what has a meaning only where something is found by its name."""
    for field, given in (("manual_dir", manual_dir is not None), ("streaming", streaming)):
        if given:
            raise ConfigError(f"data.{field}: is for a name or a path; an object is in memory")
    if dealt and isinstance(value, Dataset):
        raise ConfigError("data.split: a Dataset has its own parts; must be 'canonical'")


def _named(
    name: str, options: Mapping[str, Any], place: prepared.Place, streaming: bool, dealt: bool
) -> Dataset:
    """The data set of a name or a path; `dealt`: whether a random split is asked for."""
    source = None if name in KNOWN else own.source_of(name) or "tfds"
    own.check_options(name, options, source)
    if source == "arrays" and streaming and not own.is_mapped(name, options):
        return _streamed(name, place)
    if source in ("folder", "table", "arrays"):
        return own.of_path(name, source, options, place.cache, streaming, dealt)
    if source == "tfds":
        return _of_tfds(name, options, place, streaming)
    return _streamed(name, place) if streaming else _known(name, place)


def _of_tfds(
    name: str, options: Mapping[str, Any], place: prepared.Place, streaming: bool
) -> Dataset:
    """A data set of TFDS: images as they are; where there are none, rows of a table."""
    folder = prepared.tfds_folder(name, place.cache, KNOWN)
    from ae_jax.data import tfds_builders

    described = tfds_builders.described(folder)
    if not described.has_images:
        return own.of_tfds(name, described, options, streaming)
    own.check_options(name, options, None)
    if streaming:
        return _streamed(name, place, folder)
    return _from_parts(name, tfds_builders.load_other(folder))


def _known(name: str, place: prepared.Place) -> Dataset:
    """One of `KNOWN`."""
    if name == "mnist5k":
        return mnist5k.load()
    if name in BUNDLED:
        return BUNDLED[name]()
    if name in SYNTHETIC:
        make = SYNTHETIC[name]
        return from_arrays(make(0, N_TRAIN), make(1, N_TEST), name=name)
    manual = place.manual_dir or os.environ.get("AE_JAX_MANUAL_DIR")
    files = Path(manual).expanduser() / name if manual else None
    return _from_parts(name, prepared.published(name, files, place.cache))


def is_path(name: str) -> bool:
    """Whether a data set's name says where a file or a folder is."""
    return name not in KNOWN and own.is_path(name)


def is_folder(name: str) -> bool:
    """Whether a name is that of a folder: it is there, or the name begins as a path does."""
    return name not in KNOWN and own.is_folder(name)


def of_config(config: Config, seed: int | None = None) -> Dataset:
    """The data set a config asks for, cut to its n_train and n_test; n_valid are held out of these.

    A random split and the validation images are dealt by `seed`; None: the config's. Raises as
    `load_data`, `subset` and `hold_out`.
    """
    d, seed = config.data, (config.seed or 0) if seed is None else seed
    options = {field: getattr(d, field) for field in (*OF_FOLDER, *OF_TABLE, *OF_ARRAYS)}
    whole = load_data(d.name, d.manual_dir, d.split, seed, streaming=d.streaming, **options)
    if whole.valid is None:
        return hold_out(subset(whole, d.n_train, d.n_test), d.n_valid, seed)
    if d.n_valid not in (0, n := len(whole.valid.images)):
        raise ConfigError(f"data.n_valid: '{d.name}' has {n} validation images; must be {n}, or 0")
    return subset(whole, d.n_train and d.n_train - int(d.n_valid), d.n_test)


def _streamed(name: str, place: prepared.Place, source: Path | None = None) -> Dataset:
    """Training images on disk, in a folder of the cache named after what they were made from.

    `source`: the folder of a TFDS set.
    """
    from ae_jax.data import on_disk

    digest = hashlib.sha256(_origin(name, source).encode()).hexdigest()[:16]
    folder = place.cache / "streams" / f"{re.sub('[^A-Za-z0-9.-]+', '_', name)[-60:]}-{digest}"
    if not folder.exists() and source is not None:
        on_disk.write(folder, *_in_parts(name, source))
    elif not folder.exists():
        whole = load_data(name, place.manual_dir, cache_dir=str(place.cache))
        if whole.examples.kind != "image":
            raise ConfigError(
                "data.streaming: is for images, and for rows and signals in a .npy file; these are "
                "held in memory"
            )
        if has_holes(whole.train.images) or has_holes(whole.test.images):
            raise ConfigError(
                "data.streaming: is for images without holes (NaN); these are held in memory"
            )
        n = len(whole.train.images)
        parts = (rows(whole.train, slice(i, i + 1000)) for i in range(0, n, 1000))
        on_disk.write(folder, parts, n, whole.test, whole.label_names)
    return on_disk.read(folder, name)


def _origin(name: str, source: Path | None) -> str:
    """What changes when the data set does."""
    if source is not None:
        return f"{source.resolve()} {(source / 'dataset_info.json').read_text()}"
    if name in idx_files.IDX_SETS:
        return str(idx_files.IDX_SETS[name])
    if name in SYNTHETIC:
        return Path(synthetic.__file__).read_text()
    if name in BUNDLED:
        return "".join(Path(str(module.__file__)).read_text() for module in (bundled, shapes))
    if name == "mnist5k":
        return mnist5k.SHA256
    try:
        file = Path(name).expanduser().resolve()
        return f"{file} {file.stat().st_size} {file.stat().st_mtime_ns} numbered"  # the labels are
    except OSError:
        raise DataError(f"{name}: no such file") from None


def _in_parts(name: str, source: Path) -> tuple[Iterator[Split], int, Split]:
    """(the training set in parts, its number of images, the test set) of a TFDS set, checked."""
    from ae_jax.data import tfds_builders

    n, held, parts = tfds_builders.stream_other(source)
    test = numbered(f"{name}: test", *held)
    return (alike(f"{name}: train", numbered(f"{name}: train", *p), test) for p in parts), n, test


def _dealt_again(dataset: Dataset, seed: int) -> Dataset:
    if seed < 0:
        raise ConfigError(f"data.split_seed: must be a whole number >= 0, not {seed}")
    train, test = dataset.train, dataset.test
    labels = None
    if train.labels is not None and test.labels is not None:
        labels = np.concatenate([train.labels, test.labels])
    pool = Split(np.concatenate([train.images, test.images]), labels)
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(pool.images))
    n_train = len(train.images)
    return dataset._replace(train=rows(pool, order[:n_train]), test=rows(pool, order[n_train:]))


def _from_parts(name: str, parts: idx_files.Arrays) -> Dataset:
    return from_arrays(
        parts["train_images"],
        parts["test_images"],
        parts.get("train_labels"),
        parts.get("test_labels"),
        name,
    )

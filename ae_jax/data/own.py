"""Data of the user: a folder of images, a table, an array file, a data frame.

`of_path` is what `load_data` does with a path, `of_object` what it does with an object, `of_tfds`
with a table of TFDS. Every option belongs to one of these sources and is refused for another.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ae_jax.config import schema
from ae_jax.config.sections import OF_ARRAYS, OF_FOLDER, OF_TABLE, Data
from ae_jax.data import array_file, mapped
from ae_jax.data.arrays import Dataset, Split, alike, checked, from_arrays, held_out
from ae_jax.data.tables import table
from ae_jax.data.tables.table import How, Table
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs import labels as label_lib
from ae_jax.inputs.examples import Examples

if TYPE_CHECKING:
    from ae_jax.data.tfds_builders import Described

SUFFIXES = (".npz", ".npy")
SOURCES = {  # source -> (what it is called, its options)
    "folder": ("a folder of images", OF_FOLDER),
    "table": ("a table", OF_TABLE),
    "arrays": ("a file of arrays", OF_ARRAYS),
    "tfds": ("a data set of TFDS", (*OF_TABLE, *OF_ARRAYS)),  # until it is known what it holds
}


def is_path(name: str) -> bool:
    """Whether a data set's name says where a file or a folder is, if it is no known set's."""
    return name.endswith(SUFFIXES) or table.is_table(name) or is_folder(name)


def is_folder(name: str) -> bool:
    """Whether a name is that of a folder: it is there, or the name begins as a path does."""
    if not name or name.endswith(SUFFIXES) or table.is_table(name):
        return False
    return name.startswith((".", "~", os.sep)) or os.path.isdir(name)


def source_of(name: str) -> str | None:
    """'folder', 'table' or 'arrays'; None of a name that is no path."""
    if name.endswith(SUFFIXES):
        return "arrays"
    if table.is_table(name) or (is_folder(name) and table.is_parts(name)):
        return "table"
    return "folder" if is_folder(name) else None


def check_options(name: str, options: Mapping[str, Any], source: str | None) -> None:
    """Refuses options of another source that differ from their defaults.

    Raises:
      ConfigError: says what the option is for.
    """
    for field, value in options.items():
        if value == schema.fields(Data)[field].default:
            continue
        if source is None or field not in SOURCES[source][1]:
            raise ConfigError(f"data.{field}: is for {belongs_to(field)}, and '{name}' is none")


def belongs_to(field: str) -> str:
    """What has this option: 'a folder of images', ..."""
    return next(what for what, fields in SOURCES.values() if field in fields)


def of_path(
    name: str, source: str, options: Mapping[str, Any], cache: Path, streaming: bool, dealt: bool
) -> Dataset:
    """The data set of a path; `dealt`: whether a random split is asked for.

    Raises:
      DataError: errors of `folder.load`, `table.read`, `array_file.read_npy` and `from_arrays`.
      ConfigError: streaming of a table.
    """
    if source == "folder":
        return _folder(name, options, cache, streaming, not dealt)
    if source == "table":
        if streaming:
            raise ConfigError("data.streaming: is for images; a table is held in memory")
        return _table(name, _how(options))
    kind = _kind(options)
    if name.endswith(".npy"):
        x = array_file.read_npy(name)
        of = array_file.kind_of(name, x, kind)
        data = _mapped(name, x, of) if streaming else from_arrays(x, name=name, kind=of)
    else:
        data = _npz(name, kind)
    return data if kind is None else data._replace(how={"kind": kind})


def of_object(value: Any, options: Mapping[str, Any]) -> Dataset:
    """The data set of an object: a data frame, tensors, Pillow's images, arrays; or one itself.

    Raises:
      DataError: errors of `table.of_frame`, `array_file.of_objects`, `from_arrays` and `checked`;
        a tuple of unlike arrays, as of images and labels.
      ConfigError: options of something else.
    """
    if isinstance(value, Dataset):
        check_options(value.name, options, None)
        return checked(value)
    if table.is_frame(value):
        check_options("frame", options, "table")
        how = _how(options)
        return _dataset("frame", {"train": table.of_frame(value, how)}, how)
    check_options("arrays", options, "arrays")
    if isinstance(value, tuple) and (
        any(isinstance(part, tuple) for part in value)
        or len({getattr(part, "shape", None) for part in value}) > 1
    ):
        raise DataError(
            "data: a tuple of unlike arrays; say ae_jax.from_arrays(x, train_labels=y), or "
            "ae_jax.from_arrays(x, x_test, y, y_test)"
        )
    kind = _kind(options)
    data = from_arrays(array_file.of_objects(value), kind=kind)
    return data if kind is None else data._replace(how={"kind": kind})


def of_tfds(
    name: str, described: "Described", options: Mapping[str, Any], streaming: bool
) -> Dataset:
    """The data set of a TFDS set without images.

    Raises:
      DataError: errors of `tfds_tables.read`.
      ConfigError: streaming, or options of something else.
    """
    from ae_jax.data import tfds_tables

    check_options(name, options, "table")
    how = _how(options)
    tfds_tables.check(described, how)
    if streaming:
        raise ConfigError("data.streaming: is for images; a table is held in memory")
    parts, classes = tfds_tables.read(name, described, how)
    data = _dataset(name, parts, how)
    if classes is None or data.train.labels is None:
        return data
    numbers = data.label_names or range(len(classes))  # scattered ones are their own names
    return data._replace(label_names=tuple(classes[int(i)] for i in numbers))


def _how(options: Mapping[str, Any]) -> How:
    return How.of(**{field: options[field] for field in OF_TABLE})


def _kind(options: Mapping[str, Any]) -> str | None:
    return None if options["kind"] == "auto" else str(options["kind"])


def _folder(
    name: str, options: Mapping[str, Any], cache: Path, streaming: bool, may_stream: bool
) -> Dataset:
    from ae_jax.data.folders import decoding, folder

    given = {field: options[field] for field in OF_FOLDER}
    checked = schema.fill("data", given, [Data])
    how = decoding.How(**{field: checked[field] for field in OF_FOLDER})
    return folder.load(name, how, cache, streaming, may_stream)


def _table(name: str, how: How) -> Dataset:
    if table.is_table(name):
        return _dataset(name, {"train": table.read(name, how)}, how)
    return _dataset(name, table.read_parts(name, how), how)


def _dataset(name: str, parts: Mapping[str, Table], how: How) -> Dataset:
    """Tables as a data set; without a test part a tenth is held out."""
    train = parts["train"]
    where = {part: f"{name}: {part}_labels" for part in parts}
    raw = {
        where[part]: label_lib.raw(where[part], t.labels, len(t.values))
        if t.labels is not None
        else None
        for part, t in parts.items()
    }
    numbers, names = label_lib.numbered(raw)
    examples = Examples("rows", train.columns)
    splits = {
        part: Split(t.values.reshape(len(t.values), 1, 1, -1), y)
        for (part, t), y in zip(parts.items(), numbers, strict=True)
    }
    if "test" in splits:
        test = alike(f"{name}: test", splits["test"], splits["train"])
    elif len(train.values) < 2:
        raise DataError(f"{name}: one row; without a test set at least 2 are needed")
    else:
        splits["train"], test = held_out(splits["train"])
    told = how._asdict().items()
    described = {field: ",".join(v) if isinstance(v, tuple) else v for field, v in told}
    valid = splits.get("valid")
    return Dataset(name, splits["train"], test, names, valid, described, examples)


def is_mapped(name: str, options: Mapping[str, Any]) -> bool:
    """Whether a file holds rows or signals that need not be read as a whole."""
    if not name.endswith(".npy"):
        return False
    return array_file.kind_of(name, array_file.read_npy(name), _kind(options)) != "image"


def _mapped(name: str, x: np.ndarray, kind: str) -> Dataset:
    """Rows or signals of a mapped array that stay there; a tenth is held out, in memory."""
    examples = Examples(kind)
    images = mapped.Mapped(f"{name}: train", x, examples)
    if len(x) < 2:
        raise DataError(f"{name}: train: one example; without a test set at least 2 are needed")
    images.check()
    train, test = held_out(Split(images, None))
    return Dataset(name, train, test, examples=examples)


def _npz(path: str, kind: str | None) -> Dataset:
    reading = "the archive"
    arrays: dict[str, Any] = {}
    try:
        with (
            Path(path).expanduser().open("rb") as stream,  # np.load leaves its own open on failure
            np.load(stream, allow_pickle=False) as file,
        ):
            has = file.files
            for reading in ("train", "test", "train_labels", "test_labels"):
                if reading in has:
                    arrays[reading] = file[reading]
            masks = {part: file[f"{part}_mask"] for part in arrays if f"{part}_mask" in has}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # what np.load makes of damaged or hostile bytes has no one kind
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: {reading}: not a .npz of plain arrays ({why})") from None
    for key in ("train", "test"):
        if key not in arrays:
            listed = ", ".join(has) or "nothing"
            raise DataError(f"{path}: {key}: no such array; the file has {listed}")
    for part, mask in masks.items():
        if mask.dtype != bool or mask.shape != arrays[part].shape:
            raise DataError(
                f"{path}: {part}_mask: {mask.dtype} {mask.shape}; must be bool of the shape of "
                f"{part}, true where it was observed"
            )
        arrays[part] = np.ma.masked_array(arrays[part], ~mask)
    return from_arrays(**arrays, name=path, kind=kind)

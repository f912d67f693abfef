"""The location of the data of a run. The hashes of its images identify a run, not a path.

Paths are stored as absolute, so the current directory does not matter. --data (or
--config.data.name) gives the new location of moved files; they are accepted if their images match.
"""

import json
import os
from pathlib import Path
from typing import Any

from ae_jax.config.sections import Config
from ae_jax.data.load import KNOWN, Dataset, is_folder, is_path, of_config
from ae_jax.errors import CheckpointError, DataError
from ae_jax.resolve.config import merge, resolve
from ae_jax.run.origin import dealing_seed

from .. import cli

_IN_MEMORY = "if it was arrays of a notebook: --data=PATH, a .npz file of arrays train and test"
FACTS = ("shape", "n_train", "images_sha256", "test_images_sha256", "valid_images_sha256")


def fields(place: str | None, name: str) -> dict[str, str]:
    """The config fields that --data stands for where the data are `name`.

    Of a folder `data.manual_dir`, but of a folder of images, as of a file, `data.name`.
    """
    if place is None:
        return {}
    manual = Path(place).is_dir() and not is_folder(name)
    return {"data.manual_dir" if manual else "data.name": place}


def settled(config: Config, place: str | None = None) -> Any:
    """The resolved config with its data at `place`, every path absolute, `train.init_from` too."""
    data = config.data.to_dict()
    for field, value in fields(place, data["name"]).items():
        data[field.removeprefix("data.")] = value
    for field in ("name", "manual_dir"):
        if data[field] and (field == "manual_dir" or is_path(data[field])):
            data[field] = os.path.abspath(cli.expanded(data[field]))
    changed: dict[str, Any] = {"data": data}
    if config.train.init_from is not None:
        from ae_jax.run import sources  # with the model: a misspelled config is answered before

        changed["train"] = {"init_from": sources.settled(config.train.init_from)}
    return resolve(merge(config.to_dict(), changed))


def short(name: str) -> str:
    """What a title calls a data set: a file without its folder."""
    return Path(name).name if is_path(name) else name


def facts(dataset: Dataset) -> dict[str, Any]:
    """What makes two data sets the same, for JSON: shape and number of images, their hashes."""
    images = dataset.train.images
    return {
        "shape": list(images.shape[1:]),
        "n_train": len(images),
        "images_sha256": dataset.sha256("train"),
        "test_images_sha256": dataset.sha256("test"),
        "valid_images_sha256": dataset.sha256("valid"),
    }


def differences(known: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """'fact: old -> new' of every one of `facts` in which the images of a run are not the same."""
    found = json.loads(json.dumps(found))  # as what is known has been: a tuple is a list
    return [
        f"{name}: {known.get(name)} -> {found.get(name)}"
        for name in FACTS
        if known.get(name) != found.get(name)
    ]


def refuse_others(path: Path, known: dict[str, Any], found: dict[str, Any]) -> None:
    """Raises CheckpointError where the images are not those of the run in `path`."""
    if wrong := differences(known, found):
        raise CheckpointError(f"{path}: was trained on other images\n" + "; ".join(wrong))


def opened(path: Path, config: Config, place: str | None) -> Dataset:
    """The data set of the trained run in `path`, at `place` where that is given.

    Raises:
      DataError: it is not there (and how to say where it is).
      CheckpointError: these are other images than the run was trained on.
    """
    from ae_jax.train import checkpoint  # Orbax: not for one whose config is misspelled

    there, known = settled(config, place), checkpoint.meta(path) or {}
    try:
        dataset = of_config(there, dealing_seed(known["key"]) if known else None)
    except DataError as error:
        if place is None and is_path(there.data.name):
            said = "\n".join(str(error).splitlines()[:2])
            raise DataError(
                f"{said}\nif it was moved, give its new location: --data=PATH"
            ) from error
        if place is None and there.data.name not in KNOWN:
            raise DataError(f"{str(error).splitlines()[0]}\n{_IN_MEMORY}") from error
        raise
    refuse_others(path, known, facts(dataset))
    return dataset

"""The origin of a run besides its config: its data, key and initial weights."""

import hashlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_jax.config.sections import OF_SOURCES, Config
from ae_jax.data import own
from ae_jax.data.arrays import Dataset
from ae_jax.errors import ConfigError
from ae_jax.resolve.config import Resolved, resolve


class Origin(NamedTuple):
    """Data, key and first weights of a run. As a dict it is what a checkpoint says of them."""

    name: str  # of the data set
    shape: tuple[int, ...]  # of an image
    n_train: int
    images_sha256: str  # of the training images
    test_images_sha256: str
    labels_sha256: str | None  # where the decoder is told the label; None: not known, or not used
    key: tuple[int, ...]  # jax.random.key_data
    n_valid: int = 0  # images held out of the training set
    valid_images_sha256: str | None = None
    init_sha256: str | None = None  # of the run it took weights from; None: drawn with the key


def origin_of(config: Config, data: Dataset, key: jax.Array) -> Origin:
    """The origin of a run with this config, data and (typed) key, of its own initial weights."""
    images = data.train.images
    labels = data.train.labels if config.model.classes else None
    return Origin(
        data.name,
        tuple(images.shape[1:]),
        len(images),
        str(data.sha256("train")),
        str(data.sha256("test")),
        None if labels is None else hashlib.sha256(labels.tobytes()).hexdigest(),
        key_data(key),
        0 if data.valid is None else len(data.valid.images),
        data.sha256("valid"),
    )


def from_meta(meta: dict[str, Any]) -> Origin:
    """The origin that a checkpoint's `meta` says; any error means that it is no run's."""
    known = {name: meta[name] for name in Origin._fields}
    return Origin(**known | {name: tuple(map(int, known[name])) for name in ("shape", "key")})


def differences(old: Origin, new: Origin, fields: tuple[str, ...] = Origin._fields) -> list[str]:
    """'field: old -> new' of each of the fields that differs; labels once unknown do not."""
    return [
        f"{name}: {a} -> {b}"
        for name in fields
        if (a := getattr(old, name)) != (b := getattr(new, name))
        and not (name == "labels_sha256" and a is None)
    ]


def key_data(key: jax.Array) -> tuple[int, ...]:
    """The numbers of a typed key."""
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def dealing_seed(key: tuple[int, ...]) -> int:
    """What deals the validation images of a run with these `key_data`; n of jax.random.key(n)."""
    return sum(word << 32 * i for i, word in enumerate(reversed(key)))


def key_of(origin: Origin) -> jax.Array:
    """The typed key of a run."""
    return jax.random.wrap_key_data(jnp.asarray(origin.key, jnp.uint32))


def as_used(config: Config, data: Dataset, key: jax.Array) -> Resolved:
    """The config of a run of these data and this key: what it says of them is what holds.

    `seed` is the number that the key was made of, None where it was made otherwise.

    Raises:
      ConfigError: options of a folder or table, but the data were not read with them.
    """
    raw, images = config.to_dict(), data.train.images
    n_valid = 0 if data.valid is None else len(data.valid.images)
    raw["seed"] = _number(key)
    of_source = {name: raw["data"].pop(name) for name in OF_SOURCES if name in raw["data"]}
    for name, value in of_source.items():
        if value != (data.how or {}).get(name):
            raise ConfigError(
                f"data.{name}: is for {own.belongs_to(name)}, before it is read: pass it to "
                f"load_data; '{data.name}' was not read with it"
            )
    raw["data"] |= {
        **(data.how or {}),
        "name": data.name,
        "manual_dir": None,
        "split": "canonical",
        "streaming": not isinstance(images, np.ndarray),
        "n_train": len(images) + n_valid,
        "n_valid": n_valid,
        "n_test": len(data.test.images),
    }
    return resolve(raw)


def _number(key: jax.Array) -> int | None:
    """n of `jax.random.key(n)`, or None."""
    n = key_data(key)[-1]
    made = n < 2**31 and jax.random.key_impl(key) == jax.random.key_impl(jax.random.key(0))
    return n if made and key_data(jax.random.key(n)) == key_data(key) else None

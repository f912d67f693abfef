"""Config and data made ready for each other: what depends on the kind of the examples."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ae_jax.config.sections import Config
from ae_jax.data import scales
from ae_jax.data.arrays import Dataset, Images, blocks, has_holes
from ae_jax.errors import ConfigError, DataError
from ae_jax.inputs.examples import PLURALS, Examples
from ae_jax.inputs.scaler import Scaler
from ae_jax.model import scaling
from ae_jax.model.corruption import NEEDS_ALL, NEEDS_AREA, NEEDS_BOUNDS
from ae_jax.model.networks import DECODERS, ENCODERS
from ae_jax.objective.losses import COUNTS
from ae_jax.resolve.config import Resolved, merge, resolve


def ready(config: Config, data: Dataset) -> tuple[Resolved, Dataset]:
    """The config with `data.missing` and `data.layout` settled, and the data as networks see them.

    Images stay as they are; signals and rows are brought to `data.scale`. Of images 'auto' stays,
    and is 'refuse'.

    Raises:
      ConfigError: what the config asks for makes no sense of such examples.
      DataError: there are holes, and the config has none; nothing was observed; what should be
        counts is not; errors of `scales.scaled`.
    """
    check_kind(config, data.examples)
    missing = config.data.missing
    if missing == "auto" and data.examples.kind != "image":
        missing = "mask"
    settled = resolve(
        merge(config.to_dict(), {"data": {"missing": missing, "layout": data.examples.layout}})
    )
    data = scales.scaled(data, config.data.scale)
    if missing != "mask":
        _refuse_holes(data)
    elif data.scaler is None and has_holes(x := data.train.images) and np.isnan(x).all():
        raise DataError("train: NaN everywhere; nothing was observed")
    if data.scaler is not None and config.loss.name in COUNTS:
        _refuse_fractions(data, data.scaler, config.loss.name)
    return settled, data


def check_kind(config: Config, examples: Examples) -> None:
    """Refuses what makes no sense of examples of this kind.

    Raises:
      ConfigError: says so.
    """
    kind, scale, corruption = examples.kind, config.data.scale, config.corruption.name
    if corruption in NEEDS_BOUNDS and scale not in scaling.BOUNDED:
        raise ConfigError(
            f"corruption.name: '{corruption}' needs a smallest and a largest value, and data.scale "
            f"'{scale}' has none; set it to 'unit', or use 'hide', 'mask' or 'gaussian'"
        )
    if config.data.binarize and kind != "image":
        raise ConfigError(
            f"data.binarize: draws black and white pixels, and these are {PLURALS[kind]}; leave it "
            "False"
        )
    if config.data.binarize and config.data.missing == "mask":
        raise ConfigError(
            "data.binarize: draws all pixels, and with data.missing 'mask' not all are known; "
            "leave it False, or set data.missing to 'refuse'"
        )
    if corruption in NEEDS_AREA and kind != "image":
        raise ConfigError(
            f"corruption.name: '{corruption}' is for images, and these are {PLURALS[kind]}; use "
            "'hide', 'mask' or 'gaussian'"
        )
    if corruption in NEEDS_ALL and config.data.missing == "mask":
        raise ConfigError(
            f"corruption.name: '{corruption}' mixes the pixels of an image, and with data.missing "
            "'mask' not all are known; use 'hide', 'mask' or 'gaussian'"
        )
    for slot, choices in (("encoder", ENCODERS), ("decoder", DECODERS)):
        name = getattr(config, slot).name
        if kind == "rows" and choices[name].convolves:
            raise ConfigError(
                f"{slot}.name: '{name}' is for images and signals, whose neighbors belong "
                "together; rows take 'dense'"
            )


def _parts(data: Dataset) -> Iterator[tuple[str, Any]]:
    for which in ("train", "valid", "test"):
        if (part := getattr(data, which)) is not None:
            yield which, part.images


def _first(
    images: Images, wrong: Callable[[np.ndarray], np.ndarray]
) -> tuple[int, int, int, int] | None:
    """Where the first number is that is `wrong`: (example, row, column, channel), or None."""
    begun = 0
    for block in blocks(images):
        if (found := wrong(block)).any():
            i, row, column, channel = map(int, np.unravel_index(found.argmax(), found.shape))
            return begun + i, row, column, channel
        begun += len(block)
    return None


def _refuse_holes(data: Dataset) -> None:
    for which, x in _parts(data):
        hole = _first(x, np.isnan)
        if hole is None:
            continue
        i, row, column, channel = hole
        if data.scaler is None:
            where = f"image {i}, row {row}, column {column}"
        else:
            where = f"row {i}, {data.scaler.name(channel)}"
        raise DataError(
            f"{which}: NaN in {where}; data.missing is 'refuse', "
            "and 'mask' keeps what was not observed out of the loss"
        )


def _refuse_fractions(data: Dataset, scaler: Scaler, loss: str) -> None:
    for which, x in _parts(data):
        if place := _first(x, lambda x: (x < 0) | (x != np.floor(x)) & ~np.isnan(x)):
            row, *_, column = place
            number = x[row : row + 1][0, *place[1:]]
            raise DataError(
                f"{which}: {number:g} in row {row}, {scaler.name(column)}; loss.name '{loss}' is "
                "of counts, whole numbers from 0"
            )

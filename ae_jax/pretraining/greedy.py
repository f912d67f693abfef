"""Layers, each trained upon the one below."""

from collections.abc import Callable, Sequence

import jax

from ae_jax.data.arrays import Dataset, from_arrays
from ae_jax.errors import ConfigError
from ae_jax.resolve.config import Resolved
from ae_jax.run import fitting
from ae_jax.run.trained import Run
from ae_jax.streams import stream

# (config, data, key, the layer's number from 0) -> the trained layer
Train = Callable[[Resolved, Dataset, jax.Array, int], Run]


def greedy(
    config: Resolved,
    widths: Sequence[int],
    data: Dataset,
    key: jax.Array,
    progress: bool = True,
    train: Train | None = None,
) -> list[Run]:
    """One autoencoder upon the other, the lowest first.

    Args:
      config: of every layer, resolved; its code must lie in [0,1] (a sigmoid), for it is the image
        of the layer above, which is corrupted and reconstructed like any other.
      widths: the code size of each layer.
      data: the images, of which the labels are not looked at.
      key: of all trainings.
      progress: whether to show bars.
      train: trains a layer, `fit` by default.

    Returns:
      One `Run` a layer. A layer's images are the codes [n, code_size, 1, 1] of the one below,
      brought to its `data.scale`; their corruption is in that layer's training alone. Only the
      lowest draws black and white pixels where `data.binarize` says so.

    Raises:
      DataError: codes outside [0,1].
      ConfigError, DivergedError: as `fit`; or the data are no images.
    """
    if data.examples.kind != "image":
        raise ConfigError("pretraining: is for images; rows and signals train as they are")

    def fitted(config: Resolved, data: Dataset, key: jax.Array, i: int) -> Run:
        return fitting.fit(config, data, key, progress, whole=True)

    runs: list[Run] = []
    for i, width in enumerate(widths):
        pixels = {"data.binarize": config.data.binarize and i == 0}
        changed = config.replace(**{"model.code_size": width, **pixels})
        runs.append((train or fitted)(changed, data, stream(key, f"layer/{i}"), i))
        if i + 1 < len(widths):
            code, test = (runs[-1].encode(part.images)[:, :, None, None] for part in data[1:])
            data = from_arrays(code, test, name=f"codes of layer {i + 1}")
    return runs

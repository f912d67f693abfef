"""The notebook's door: arrays in, arrays out.

>>> import jax, ae_jax
>>> data = ae_jax.load_data("mnist5k")
>>> run = ae_jax.fit("denoise", data, jax.random.key(0))
>>> run.reconstruct(data.test.images[:8]).shape
(8, 28, 28, 1)

Images are [n, height, width, channels] (or [n, height, width] where there is one channel), uint8
or float in [0,1]; what comes back is float32 in [0,1] units, not clipped.
"""

import signal
import warnings
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import FrozenConfigDict

from ae_jax import checkpoint, devices, json_file, scaling, training
from ae_jax.arrays import SAMPLE, blocks
from ae_jax.batches import in_batches, padded, padded_size
from ae_jax.config import changes, load_config, resolve
from ae_jax.data import Dataset, from_arrays, load_data
from ae_jax.errors import CheckpointError, ConfigError, DataError
from ae_jax.interrupt import Interrupt
from ae_jax.model import Model, Variables

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a notebook without ipywidgets: its bar is of text
    from tqdm.auto import tqdm


class Run(NamedTuple):
    """A trained autoencoder and what it can do."""

    config: FrozenConfigDict
    model: Model
    variables: Variables
    history: dict[str, np.ndarray]  # loss and its terms, one number a step
    code_mean: np.ndarray  # of the training set's codes [code_size]
    code_cov: np.ndarray  # [code_size, code_size]
    state: training.TrainState | None = None  # what `fit` goes on from

    def encode(self, images: Any) -> np.ndarray:
        """Codes z [n, code_size], without noise."""
        return self._in_batches(_codes, self._checked(images))

    def decode(self, codes: Any, labels: Any = None) -> np.ndarray:
        """Images [n, height, width, channels] of the codes z [n, code_size].

        `labels` [n] are needed where the decoder is conditioned on them (`model.classes`).
        """
        codes = np.asarray(codes, np.float32)
        if self.config.model.classes and labels is None:
            raise DataError("labels: this decoder is conditioned on them; give it one an image")
        rest = () if not self.config.model.classes else (np.asarray(labels, np.int32),)
        return self._in_batches(_images, codes, *rest)

    def reconstruct(self, images: Any, labels: Any = None) -> np.ndarray:
        """decode(encode(x))."""
        return self.decode(self.encode(images), labels)

    def corrupt(self, images: Any, key: jax.Array) -> np.ndarray:
        """The images with the noise the model was trained with, float in [0,1] units."""
        x = self._scaled(images)
        noisy = self.model.corrupt(key, jnp.asarray(padded(x)))  # the padding draws last
        return scaling.to_unit(np.asarray(noisy), self.model.scale)[: len(x)]

    def sample(self, key: jax.Array, n: int, labels: Any = None) -> np.ndarray:
        """n images of random codes: N(0, I) where the bottleneck is gaussian, else a Gaussian with
        the mean and covariance of the training codes."""
        drawn = padded_size(n)  # a few sizes; the first n codes are the same of all
        if self.config.bottleneck.name == "gaussian":
            codes = jax.random.normal(key, (drawn, self.config.model.code_size))
        else:
            mean, cov = jnp.asarray(self.code_mean), jnp.asarray(self.code_cov)
            codes = jax.random.multivariate_normal(key, mean, cov, (drawn,), method="svd")
        return self.decode(np.asarray(codes)[:n], labels)

    def interpolate(self, a: Any, b: Any, steps: int = 10, labels: Any = None) -> np.ndarray:
        """Decoded codes (1-t) z(a) + t z(b), t = 0 ... 1 in `steps`, of two single images."""
        start, end = self.encode(np.stack([np.asarray(a), np.asarray(b)]))
        t = np.linspace(0, 1, steps)[:, None]
        return self.decode((1 - t) * start[None, :] + t * end[None, :], labels)

    def score(self, images: Any, labels: Any = None) -> np.ndarray:
        """Anomaly score [n]: squared reconstruction error per image, in [0,1] units."""
        return np.square(self._unit(images) - self.reconstruct(images, labels)).sum((1, 2, 3))

    def plot_reconstructions(self, images: Any, labels: Any = None) -> Any:
        """Figure: the images over their reconstructions."""
        return _figures().reconstructions(self._unit(images), self.reconstruct(images, labels))

    def plot_codes(self, images: Any, labels: Any = None, dims: int = 2) -> Any:
        """Figure: codes in two or three dimensions, coloured by label.

        Their coordinates, or of more than three the principal components.
        """
        return _figures().code_view(self.encode(images), labels, dims)

    def plot_filters(self) -> Any:
        """Figure: the columns of a dense encoder's first kernel as images."""
        return _figures().filters(first_filters(self.model, self.variables))

    def plot_loss(self) -> Any:
        """Figure: the training loss at every step."""
        losses = enumerate(self.history["loss"], start=1)
        rows = [{"step": i, "split": "train", "loss": float(v)} for i, v in losses]
        return _figures().curves(rows)

    def _checked(self, images: Any) -> np.ndarray:
        images = np.asarray(images)
        if images.ndim == 3 and self.model.shape[2] == 1:
            images = images[..., None]
        if images.ndim != 4 or images.shape[1:] != self.model.shape:
            wanted = ", ".join(map(str, self.model.shape))
            raise ValueError(f"images must be [n, {wanted}], not {list(images.shape)}")
        return images

    def _scaled(self, images: Any) -> np.ndarray:
        return scaling.to_network(self._checked(images), self.model.scale)

    def _unit(self, images: Any) -> np.ndarray:
        return scaling.to_unit(self._scaled(images), self.model.scale)

    def _in_batches(self, function: Any, *rows: np.ndarray) -> np.ndarray:
        return in_batches(partial(function, self.model, self.variables), *rows)


@partial(jax.jit, static_argnums=0)
def _codes(model: Model, variables: Variables, images: jax.Array) -> jax.Array:
    return model.encode(variables, scaling.to_network(images, model.scale))


@partial(jax.jit, static_argnums=0)
def _images(model: Model, variables: Variables, codes: jax.Array, *labels: jax.Array) -> jax.Array:
    return scaling.to_unit(model.decode(variables, codes, *labels), model.scale)


def first_filters(model: Model, variables: Variables) -> np.ndarray:
    """First-layer weights as images [n, height, width, channels], one per hidden unit."""
    kernel = np.asarray(variables["params"]["encoder"]["layer_0"]["kernel"])
    if kernel.ndim == 2:  # dense [pixels, units]
        return kernel.T.reshape(-1, *model.shape)
    return np.moveaxis(kernel, -1, 0)  # conv [k, k, channels, features]


def linear_maps(config: Any, variables: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """(x -> x^ as one matrix [D, D], z -> z as one matrix [k, k]) of a linear dense model.

    At the optimum the first is a projector of rank k and the second the identity. None where the
    model is not one linear layer each way.
    """
    encoder, decoder = config.encoder, config.decoder
    if encoder.name != "dense" or encoder.hidden or encoder.code_activation != "linear":
        return None
    if decoder.output != "linear" or decoder.name not in ("dense", "tied"):
        return None
    params = variables["params"]
    W = np.asarray(params["encoder"]["layer_0"]["kernel"])
    if decoder.name == "tied":
        return W @ W.T, W.T @ W
    if decoder.hidden:
        return None
    V = np.asarray(params["decoder"]["layer_0"]["kernel"])
    return W @ V, V @ W


def fit(
    config: Any,
    data: Any,
    key: jax.Array,
    progress: bool = True,
    start: Run | None = None,
    whole: bool = False,
) -> Run:
    """Trains and returns a `Run`.

    Interrupted (the stop button, Ctrl-C) it returns what has been trained within a quarter of a
    second; `fit(config, data, key, start=run)` goes on from there, with the bits of a run that was
    not interrupted. A second interrupt raises KeyboardInterrupt as ever.

    Args:
      config: the name of a config ('denoise'), a path, a dict of differences from the defaults,
        or a resolved config.
      data: a `Dataset`, the name of one, or training images.
      key: of the whole run: initial weights, data order, noise.
      progress: whether to show a bar.
      start: a `Run` of the same config, data and key (`train.epochs` may have grown) to go on from.
      whole: an interrupt raises KeyboardInterrupt at once: for programs that use what comes back.

    Raises:
      ConfigError, DataError: something is not allowed; the message names it.
      DivergedError: the loss stopped being finite.
    """
    if isinstance(config, str):
        config = load_config(config)
    elif not isinstance(config, FrozenConfigDict):
        config = resolve(config)
    if isinstance(data, str):
        data = load_data(data)
    elif not isinstance(data, Dataset):
        data = from_arrays(np.asarray(data))
    images = data.train.images
    training.check_labels(config, data.train)
    trainer = training.prepare(config, images.shape[1:], len(images), devices.mesh())
    state = _first_state(trainer, images, key, start)
    history = {} if start is None else {name: [v] for name, v in start.history.items()}
    total = config.train.epochs * trainer.steps_per_epoch
    bar = tqdm(
        total=total, initial=int(state.step), unit="step", disable=not progress, desc=config.name
    )
    with bar, Interrupt(*(() if whole else (signal.SIGINT,))) as stop:
        for chunk in training.train(trainer, state, data.train, key):
            state = chunk.state
            for name, values in chunk.terms.items():
                history.setdefault(name, []).append(values)
            if chunk.compile_s:
                bar.unpause()  # the time left is that of steps: compiling is not done again
            bar.update(chunk.steps[1] - chunk.steps[0])
            bar.set_postfix(loss=f"{chunk.terms['loss'][-1]:.4g}")
            if stop.code:
                break
    joined = {name: np.concatenate(values) for name, values in history.items()}
    state = devices.local(state)
    return with_codes(config, trainer.model, state.variables, joined, images)._replace(state=state)


def _first_state(
    trainer: training.Trainer, images: np.ndarray, key: jax.Array, start: Run | None
) -> training.TrainState:
    """A new state, or a copy of the one to go on from: training consumes what it is given."""
    if start is None:
        return trainer.init(key, training.mean_image(images, trainer.config.data.scale))
    if start.state is None or changes(start.config.to_dict(), trainer.config.to_dict()):
        raise ConfigError("start: is a run of another config")
    return jax.tree.map(jnp.copy, start.state)


def with_codes(config: Any, model: Model, variables: Variables, history: Any, images: Any) -> Run:
    """A `Run` with the first two moments of the codes of `images`, the first SAMPLE at most."""
    k = config.model.code_size
    run = Run(config, model, variables, history, np.zeros(k), np.eye(k))
    codes = np.concatenate([run.encode(block) for block in blocks(images[:SAMPLE])])
    cov = np.cov(codes, rowvar=False).reshape(k, k)
    return run._replace(code_mean=codes.mean(0), code_cov=cov.astype(np.float32))


def restore(workdir: str, best: bool = False) -> Run:
    """The `Run` that `python -m experiments.run` left in a work directory.

    Only data is read (JSON and arrays); no code from the directory is executed. A damaged
    checkpoint is passed over with a warning.

    Args:
      workdir: of the run.
      best: the checkpoint with the lowest test loss instead of the newest.

    Raises:
      CheckpointError: there is no checkpoint, or none can be read.
    """
    path = Path(workdir)
    if not (path / "config.json").is_file():
        raise CheckpointError(f"{workdir}: no config.json here; is this a run's work directory?")
    config = resolve(json_file.read(path / "config.json"))
    trainers: list[training.Trainer] = []

    def like(meta: dict[str, Any]) -> training.TrainState:
        trainers.append(training.prepare(config, tuple(meta["shape"]), meta["n_train"]))
        return trainers[-1].abstract()

    restored = checkpoint.restore(path, like, best=best)
    if restored is None:
        raise CheckpointError(f"{workdir}: no checkpoint here yet")
    for step, damage in restored.passed_over.items():
        warnings.warn(f"{workdir}: step {step} is damaged ({damage})", stacklevel=2)
    model, k, state = trainers[-1].model, config.model.code_size, restored.state
    history = {name: np.asarray(values) for name, values in state.record.items()}
    run = Run(config, model, state.variables, history, np.zeros(k), np.eye(k), state)
    if (path / "codes.npz").is_file():
        mean, cov = _code_moments(path / "codes.npz", k)
        run = run._replace(code_mean=mean, code_cov=cov)
    return run


def _figures() -> Any:
    """The module; matplotlib takes half a second, which training need not wait for."""
    from ae_jax import figures

    return figures


def _code_moments(file: Path, k: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as codes:
            mean, cov = codes["mean"], codes["cov"]
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise CheckpointError(f"{file}: cannot be read ({error})") from error
    if mean.shape != (k,) or cov.shape != (k, k):
        raise CheckpointError(f"{file}: is of a code of another size than {k}")
    return mean, cov

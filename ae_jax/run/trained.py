"""A trained autoencoder: arrays in, arrays out.

Signals are [n, L, C] (or [n, L]) and rows [n, D] of real numbers in their own units; what comes
back is float64 in the same units. With `data.missing` 'mask' what is NaN, or masked, was not
observed, in images as well. Images
are [n, height, width, channels] (or [n, height, width] where there is one channel), uint8,
bool, or float in [0,1]; n may be 0. Floats may leave [0,1] by ROOM, or as far as the noise does
that the run was trained with, so that what `corrupt` gives can be reconstructed. What comes back is
float32 in [0,1] units, not clipped. Everything else is refused by a DataError that says what mends
it. A key is a `jax.random.key`, or a whole number.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ae_jax.data.arrays import SAMPLE, Images, blocks
from ae_jax.data.batches import in_batches, padded, padded_size
from ae_jax.errors import ConfigError, DataError
from ae_jax.evaluate.conformal import FALSE_ALARMS
from ae_jax.export import weights
from ae_jax.inputs import checks
from ae_jax.inputs import labels as label_lib
from ae_jax.inputs.door import Door, pair
from ae_jax.inputs.keys import Key, as_key
from ae_jax.inputs.observed import squared_error
from ae_jax.inputs.scaler import Scaler
from ae_jax.model import scaling, units
from ae_jax.model.compiled import compiled, in_pieces
from ae_jax.model.corruption import BEYOND
from ae_jax.model.layout import decided
from ae_jax.model.pipeline import Model, Variables
from ae_jax.model.weights import first_filters
from ae_jax.resolve.config import Resolved
from ae_jax.run import exporting, hidden, plots, saving, shown
from ae_jax.run.origin import Origin
from ae_jax.train import setup
from ae_jax.train.record import Curve, Moments, Record

NO_BEST = (
    "this run held no images out to choose by, and the test set is for reporting alone; train with "
    "data.n_valid, a number or a fraction such as 0.1"
)
ANY = (-np.inf, np.inf)


class Run(NamedTuple):
    """A trained autoencoder and what it can do.

    What `config` says of data and seed is what held: `data.name`, `n_train` and `n_test` are those
    of the images that were seen, and `seed` is None where the key was made of no number. `origin`
    says which images (SHA-256) and which key.
    """

    config: Resolved
    model: Model
    variables: Variables
    history: dict[str, np.ndarray]  # loss and its terms at every step since the first
    code_mean: np.ndarray | None = None  # of the training set's codes [code_size]; `with_codes`
    code_cov: np.ndarray | None = None  # [code_size, code_size]
    state: setup.TrainState | None = None  # what `fit` goes on from
    origin: Origin | None = None  # what data and key it came from
    label_names: label_lib.Names | None = None  # of the labels 0 ... k-1, where they have any
    limits: tuple[float, float] | None = None  # of floats; None: see the top of this page
    valid: Curve | None = None  # the loss on the validation images; None: none were held out
    kept: "Run | None" = None  # of the lowest of these losses, where that is not the last
    scaler: Scaler | None = None  # of signals and rows; None: of images

    @property
    def inner(self) -> "Run":
        """The run as its network is: signals and rows are [n, H, W, C] in the network's scale."""
        return self if self.scaler is None else self._replace(scaler=None, limits=ANY)

    def __repr__(self) -> str:
        return shown.line(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: a table."""
        return shown.html(self)

    def encode(self, images: ArrayLike) -> np.ndarray:
        """Codes z float32 [n, code_size], without noise. What is missing is taken for the mean.

        Raises:
          DataError: images of another shape, type or range than at the top of this page.
        """
        return self._encoded(self.door.checked("images", images))

    def decode(self, codes: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Images [n, height, width, channels] of the codes z [n, code_size].

        `labels` [n] are needed where the decoder is conditioned on them (`model.classes`): whole
        numbers from 0 to classes - 1, or names out of `label_names`. Others do not look at them.

        Raises:
          DataError: codes of another width or not finite; labels that are absent, of another number
            than the codes, or not among the classes.
        """
        z = checks.codes("codes", codes, self.config.model.code_size)
        return self.door.outer(self._decoded(z, self._classes(labels, len(z))))

    def reconstruct(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """decode(encode(x)); errors of both."""
        x = self.door.checked("images", images)
        return self.door.outer(self._decoded(self._encoded(x), self._classes(labels, len(x))))

    def impute(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """The examples with their reconstruction wherever they are NaN, the rest as it is.

        Learned best with masking noise (corruption 'hide'). Booleans and categories are filled
        with their most likely value. Errors of `reconstruct`.

        Raises:
          ConfigError: the examples cannot have holes.
        """
        if not self.model.holes:
            raise ConfigError("impute: this run was trained without holes (data.missing 'mask')")
        x = self.door.checked("images", images)
        back = self.door.outer(self._decoded(self._encoded(x), self._classes(labels, len(x))))
        if layout := self.config.data.layout:
            back = decided(back, layout)
        given = self.door.given(images)
        return np.where(np.isnan(given), back, given)

    def corrupt(self, images: ArrayLike, key: Key) -> np.ndarray:
        """The images with the noise the model was trained with, float in [0,1] units."""
        x = scaling.to_network(self.door.checked("images", images), self.model.scale)
        key = as_key(key)
        noisy = self.model.corrupt(key, jnp.asarray(padded(x)))  # the padding draws last
        return self.door.outer(scaling.to_unit(np.asarray(noisy), self.model.scale)[: len(x)])

    def sample(self, key: Key, n: int, labels: ArrayLike | None = None) -> np.ndarray:
        """n images of random codes: of the bottleneck's prior where it is variational, else of a
        Gaussian with the mean and covariance of the training codes. `labels` as for `decode`.

        Raises:
          DataError: errors of `decode`; or the training codes are not known: see `with_codes`.
        """
        key, n = as_key(key), checks.count("n", n)
        classes = self._classes(labels, n)
        drawn = padded_size(n)  # a few sizes; the first n codes are the same of all
        if (prior := self.model.prior) is not None:
            codes = prior.sample(key, (drawn, self.config.model.code_size))
        else:
            mean, cov = map(jnp.asarray, self.moments("sample"))
            codes = jax.random.multivariate_normal(key, mean, cov, (drawn,), method="svd")
        return self.door.outer(self._decoded(np.asarray(codes, np.float32)[:n], classes))

    def with_codes(self, images: Images) -> "Run":
        """The run with mean and covariance of the codes of `images`, of the first SAMPLE at most.

        `fit` does it with the training images, and so does a run in a work directory at its end.
        One that was interrupted, or the best of one, comes without: its weights are others.

        Raises:
          DataError: errors of `encode`, or there are no images.
        """
        k, few = self.config.model.code_size, images[:SAMPLE]
        if self.scaler is not None:
            found = self.inner.with_codes(self.door.checked("images", np.asarray(few)))
            return self._replace(code_mean=found.code_mean, code_cov=found.code_cov)
        if not len(few):
            raise DataError("images: none; the moments of codes need one at least")
        codes = np.concatenate([self.encode(block) for block in blocks(few)])
        # One image has no spread; NumPy would say NaN.
        cov = np.cov(codes, rowvar=False).reshape(k, k) if len(codes) > 1 else np.zeros((k, k))
        return self._replace(code_mean=codes.mean(0), code_cov=cov.astype(np.float32))

    def moments(self, what: str) -> Moments:
        """Mean and covariance of the training codes; `what` needs them.

        Raises:
          DataError: they are not known; says what to do.
        """
        if self.code_mean is None or self.code_cov is None:
            raise DataError(
                f"{what}: needs the mean and covariance of the training codes, which were not kept "
                "with these weights; run = run.with_codes(images), with the training images"
            )
        return Moments(self.code_mean, self.code_cov)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Keeps the run: `restore` opens it, `fit(start=...)` and `experiments.run` go on with it.

        The directory is a work directory like those of `experiments.run`: config.json,
        metrics.jsonl, and a checkpoint with history and moments of the codes, complete or not
        there at all. The data are not in it. A run that has been trained further may be saved in
        the same directory again.

        Raises:
          ConfigError: the run was put together without what training needs.
          CheckpointError: the directory holds another run, or cannot be written.
        """
        if self.state is None or self.origin is None:
            raise ConfigError("save: this run has no state and origin, as `fit` gives them")
        states = [(self.state, self.record)]
        if self.kept is not None and self.kept.state is not None:
            states.insert(0, (self.kept.state, self.kept.record))
        saving.save(directory, self.config, self.origin, states)

    def export(
        self,
        path: str | os.PathLike[str],
        format: str,
        normal: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        false_alarms: float = FALSE_ALARMS,
        replace: bool = False,
        half: bool = False,
    ) -> Path:
        """Makes an artefact that works without this run: `ae_jax.load_exported` opens it.

        It does what `encode`, `decode`, `reconstruct` and `score` do, and has the examples' columns
        and scale, the names of the classes, and the digests of weights and data. Returns where.

        Args:
          path: of the new directory, which is there whole or not at all.
          format: 'stablehlo', programs for CPUs, CUDA and TPU that need JAX alone;
            'safetensors', weights and config, of which the run is built again; 'onnx', graphs for
            onnxruntime; or 'torch', a module of PyTorch, which `load_exported` does not open.
          normal: ordinary examples that training has not seen, as `score` takes them, for the
            threshold of the score; None: the artefact has none.
          labels: of these, where the decoder is told them.
          false_alarms: the share of new ordinary examples that may score above the threshold.
          replace: whether an artefact that is there gives way.
          half: of 'safetensors': whether the numbers are rounded to half precision (float16), which
            takes half of the bytes; the threshold is that of the rounded weights.

        Raises:
          ConfigError: an unknown format, one whose package is not installed, or one that cannot
            hold this config, or what was registered; a rate outside (0, 1), or labels of nothing;
            no path, or something is there.
          DataError: of `score`; or `normal` are too few for the rate.
          CheckpointError: it cannot be written.
        """
        run = self._replace(variables=weights.halved(self.variables)) if half else self
        return exporting.export(run, path, format, normal, labels, false_alarms, replace, half)

    @property
    def best(self) -> "Run":
        """The run at the epoch with the lowest loss on the validation images.

        Raises:
          ConfigError: no images were held out (`data.n_valid`), or no epoch has finished.
        """
        if self.valid is None:
            raise ConfigError(f"best: {NO_BEST}")
        if self.valid.best is None or self.state is None:
            raise ConfigError(
                "best: no epoch has finished yet, so no loss on validation images is known"
            )
        if self.kept is None and self.valid.best != int(self.state.step):
            raise ConfigError(f"best: the weights of step {self.valid.best} are not there any more")
        return self if self.kept is None else self.kept

    @property
    def record(self) -> Record:
        """What is kept of the run beside its state."""
        known = self.code_mean is not None
        moments = self.moments("record") if known else None
        return Record(self.history, moments, self.label_names, self.valid, self.scaler)

    def interpolate(self, a: Any, b: Any, steps: int = 10, labels: Any = None) -> np.ndarray:
        """Decoded codes (1-t) z(a) + t z(b), t = 0 ... 1 in `steps`, of two single images.

        `labels` [steps] as for `decode`; errors of `encode` and `decode`.
        """
        steps = checks.count("steps", steps, 1)
        classes = self._classes(labels, steps)
        start, end = self._encoded(pair(self.door.one("a", a), self.door.one("b", b)))
        t = np.linspace(0, 1, steps)[:, None]
        z = (1 - t) * start[None, :] + t * end[None, :]
        return self.door.outer(self._decoded(z.astype(np.float32), classes))

    def score(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Anomaly score [n]: squared reconstruction error per image, in [0,1] units.

        Of signals and rows in units of `data.scale`, over what was observed. Errors of `encode` and
        `decode`.
        """
        error: np.ndarray = squared_error(*self._both(images, labels))
        return error

    def errors(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Squared reconstruction errors [n, height, width, channels], which `score` sums; NaN where
        nothing was observed. Errors of `encode` and `decode`.
        """
        return np.square(np.subtract(*self._both(images, labels)))

    def score_hidden(
        self, rows: ArrayLike, key: Key = 0, draws: int = hidden.DRAWS, labels: Any = None
    ) -> hidden.Hidden:
        """How badly columns of rows [n, D] are predicted from the others: see `run.hidden`.

        Learned best with masking noise (`configs/tabular_anomaly.py`). Errors of `encode` and
        `decode`; ConfigError of other examples than rows that may have holes.
        """
        x = self.door.checked("rows", rows)
        told = self._classes(labels, len(x))
        return hidden.scored(self.model, self.variables, self.scaler, x, key, draws, *told)

    def plot_reconstructions(self, images: ArrayLike, labels: ArrayLike | None = None) -> Any:
        """Figure: images over their reconstructions, signals as lines, of rows the error by column.

        Errors of `reconstruct`; DataError without images.
        """
        x = self.door.some(images)
        back = self._decoded(self._encoded(x), self._classes(labels, len(x)))
        return plots.reconstructions(self._unit(x), back, self.scaler)

    def plot_codes(self, images: ArrayLike, labels: ArrayLike | None = None, dims: int = 2) -> Any:
        """Figure: codes in two or three dimensions, colored by label.

        Their coordinates, or of more than three the principal components. `labels` [n] are numbers
        or text.

        Raises:
          DataError: no images, or not as `encode` takes them; labels of another number.
          ConfigError: other dimensions.
        """
        x = self.door.some(images)
        numbers, names = label_lib.for_drawing("labels", labels, len(x), self.label_names)
        if dims not in (2, 3):
            raise ConfigError(f"dims: must be 2 or 3, not {dims!r}")
        from ae_jax import figures  # matplotlib takes half a second

        return figures.code_view(self._encoded(x), numbers, dims, names)

    def plot_filters(self) -> Any:
        """Figure: the columns of a dense encoder's first kernel as images."""
        from ae_jax import figures

        return figures.filters(first_filters(self.model, self.variables))

    def plot_loss(self) -> Any:
        """Figure: the training loss at every step, and that on the validation images if there are.

        DataError where there was no step.
        """
        return plots.loss(self.history, self.valid)

    @property
    def door(self) -> Door:
        """What examples must be, and their scale."""
        limits = self.limits or self._own_limits()
        return Door(self.model.shape, self.model.holes, limits, self.scaler)

    def _both(self, images: ArrayLike, labels: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
        """(examples, reconstructions) in [0,1] units, or those of `data.scale`."""
        x = self.door.checked("images", images)
        return self._unit(x), self._decoded(self._encoded(x), self._classes(labels, len(x)))

    def _own_limits(self) -> tuple[float, float]:
        corruption, (low, high) = self.config.corruption, scaling.BOUNDS[self.model.scale]
        beyond = BEYOND.get(corruption.name, lambda options: 0.0)(corruption.options) / (high - low)
        return 0.0 - beyond, 1 + beyond

    def _classes(self, labels: ArrayLike | None, n: int) -> tuple[np.ndarray, ...]:
        """What the decoder is told beside n codes."""
        if not (classes := self.config.model.classes):
            return ()
        return (label_lib.classes_of("labels", labels, n, classes, self.label_names),)

    def _encoded(self, images: np.ndarray) -> np.ndarray:
        return self._in_batches(units.encode, images)

    def _decoded(self, codes: np.ndarray, classes: tuple[np.ndarray, ...]) -> np.ndarray:
        return self._in_batches(units.decode, codes, *classes)

    def _unit(self, images: np.ndarray) -> np.ndarray:
        return scaling.to_unit(scaling.to_network(images, self.model.scale), self.model.scale)

    def _in_batches(self, function: Callable[..., jax.Array], *rows: np.ndarray) -> np.ndarray:
        return in_batches(partial(compiled(in_pieces, function, self.model), self.variables), *rows)

"""A run as one JSON object, by which a page runs the network itself: `sheet`.

The functions are graphs of `ae_jax.export.trace`, the weights one text. Beside them are the kind of
the examples and their units, some examples, the threshold of the anomaly score, and the principal
directions of the codes with their ranges.
"""

import base64
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from ae_jax.data.arrays import Dataset
from ae_jax.errors import ConfigError
from ae_jax.evaluate.code_statistics import principal_directions
from ae_jax.export import weights
from ae_jax.export.description import Threshold
from ae_jax.export.steps import UnknownStepError
from ae_jax.export.trace import graph_of
from ae_jax.model import layout, scaling
from ae_jax.run import exporting
from ae_jax.run.trained import Run

CODED = 5_000  # training examples whose codes give the directions
DIRECTIONS = 32  # at most
POINTS, EXAMPLES = 400, 20  # of the test part: on the map, and to choose from
COLORED = 20  # classes at most that points are told apart by
TAIL = 0.01  # of the codes lie beyond either end of a direction
NORMAL_TAIL = 2.326  # standard deviations from which so many normal numbers lie beyond
MOST_BYTES = 5_500_000  # of float32: base64 takes four bytes for three, and a page 8 MB
BAR = 1e-3  # of the largest number: how far float16 may be off


class Codes(NamedTuple):
    """Principal directions of codes [n, k], and how far the codes go along each of m."""

    mean: np.ndarray  # [k]
    directions: np.ndarray  # [m, k]
    variances: np.ndarray  # [m]
    shares: np.ndarray  # [m] of the whole variance
    low: np.ndarray  # [m]
    high: np.ndarray  # [m]
    of: str  # what they were found from: 'examples', 'moments', or 'nothing'

    def along(self, codes: np.ndarray) -> np.ndarray:
        """Coordinates [n, m] of codes [n, k]."""
        return (codes - self.mean) @ self.directions.T


def sheet(run: Run, dataset: Dataset | None, threshold: Threshold | None) -> dict[str, Any]:
    """What the page takes.

    Args:
      run: a trained one.
      dataset: its data as the network sees them (`scales.scaled`); None: the directions are those
        of the moments that the run keeps, or the code's own numbers, and there are no examples.
      threshold: of the anomaly score, or None.

    Raises:
      ConfigError: the network does what no step of a graph can say.
      DataError: the examples are not those of the run.
    """
    inner, config = run.inner, run.config
    found = codes_of(inner, dataset)
    said = exporting.described(run, "playground", threshold)
    kept = ("kind", "shape", "holes", "columns", "shift", "spread", "code_size", "classes")
    prior = inner.model.prior
    return {
        **{name: said[name] for name in (*kept, "class_names", "threshold", "run")},
        "name": config.name,
        "corruption": config.corruption.name,
        "options": config.corruption.to_dict(),
        "layout": list(config.data.layout),
        "bounds": list(scaling.BOUNDS[config.data.scale]),
        "prior": None if prior is None else prior.variance,
        "codes": {
            "mean": text(found.mean),
            "vectors": text(found.directions),
            "deviations": text(np.sqrt(found.variances)),
            "shares": found.shares.round(4).tolist(),
            "low": text(found.low),
            "high": text(found.high),
            "of": found.of,
            **_points(inner, found, dataset),
        },
        **_examples(inner, dataset),
        **_graphs(run),
    }


def codes_of(inner: Run, dataset: Dataset | None) -> Codes:
    """The directions, of `run.inner` and the data as the network sees them."""
    size = inner.config.model.code_size
    codes = None if dataset is None else inner.encode(dataset.train.images[:CODED])
    if codes is not None and len(codes) > 1:
        of, mean, cov = "examples", codes.mean(0), np.cov(codes, rowvar=False).reshape(size, size)
    elif inner.code_mean is not None and inner.code_cov is not None:
        of, mean, cov = "moments", inner.code_mean, inner.code_cov
    else:
        of, mean, cov = "nothing", np.zeros(size), np.eye(size)
    variances, directions = principal_directions(cov)
    used = max(2, int((variances > 1e-9 * variances.max()).sum()))
    m = min(size, used, DIRECTIONS)
    total = variances.sum() or 1.0
    variances, directions, shares = variances[:m], directions[:m], (variances / total)[:m]
    high = NORMAL_TAIL * np.sqrt(variances)
    found = Codes(np.asarray(mean), directions, variances, shares, -high, high, of)
    if codes is None or len(codes) < 2:
        return found
    low, high = np.quantile(found.along(codes), [TAIL, 1 - TAIL], axis=0)
    return found._replace(low=low, high=high)


def _points(inner: Run, found: Codes, dataset: Dataset | None) -> dict[str, Any]:
    """Where test examples are on the map, and their classes."""
    none = np.zeros((0, len(found.directions)))
    if dataset is None:
        return {"points": text(none), "points_labels": None}
    labels = dataset.test.labels
    few = None if labels is None or len(set(labels.tolist())) > COLORED else labels[:POINTS]
    return {
        "points": text(found.along(inner.encode(dataset.test.images[:POINTS]))),
        "points_labels": None if few is None else few.tolist(),
    }


def _examples(inner: Run, dataset: Dataset | None) -> dict[str, Any]:
    """Some test examples, the range of each channel, and an example to start from."""
    channels, image = inner.model.shape[-1], inner.config.data.scale in scaling.BOUNDED
    if dataset is None:
        ranges = [[0.0, 1.0] if image else [-3.0, 3.0]] * channels
        empty = {"data": "", "dtype": "float32"}
        return {"ranges": ranges, "start": None, "examples": empty, "examples_labels": None}
    chosen = _of_each_class(dataset.test.labels, len(dataset.test.images))
    images, labels = dataset.test.images[chosen], dataset.test.labels
    shown = images if images.dtype == np.uint8 else images.astype(np.float32)
    rows = np.asarray(dataset.train.images[:CODED]).reshape(-1, channels)
    of_images = dataset.examples.kind == "image"
    return {
        "ranges": [[0.0, 1.0]] * channels if of_images else _ranges(rows),
        "start": None if of_images else text(_middle(inner, rows)),
        "examples": {"data": text(shown, shown.dtype), "dtype": str(shown.dtype)},
        "examples_labels": None if labels is None else labels[chosen].tolist(),
    }


def _of_each_class(labels: np.ndarray | None, n: int) -> np.ndarray:
    """The first examples of every class in turn, or the first of all."""
    if labels is None:
        return np.arange(min(n, EXAMPLES))
    places = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    turns = [p[i] for i in range(EXAMPLES) for p in places if i < len(p)]
    return np.sort(np.asarray(turns[:EXAMPLES]))[np.argsort(labels[np.sort(turns[:EXAMPLES])])]


def _ranges(rows: np.ndarray) -> list[list[float]]:
    """The least and the largest number of every channel of rows [n, C]."""
    found = []
    for column in rows.T:
        seen = column[~np.isnan(column)]
        low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 0.0)
        found.append([low, high] if high > low else [low - 1, low + 1])
    return found


def _middle(inner: Run, rows: np.ndarray) -> np.ndarray:
    """An example of means, of booleans and categories the likeliest."""
    n = np.maximum((~np.isnan(rows)).sum(0), 1)
    means = np.nansum(rows, axis=0) / n
    filled = np.broadcast_to(means, inner.model.shape)
    return layout.decided(filled, inner.config.data.layout) if inner.config.data.layout else filled


def _graphs(run: Run) -> dict[str, Any]:
    """The functions, and the weights that they read."""
    try:
        graphs = [graph_of(name, run.model, run.variables) for name in ("encode", "decode")]
    except UnknownStepError as error:
        raise ConfigError(
            f"playground: cannot show '{run.config.name}': {error} has no form outside JAX"
        ) from error
    arrays = weights.named(run.variables)
    needed = {v.name: arrays[v.name] for g in graphs for v in g.weights}
    half = sum(a.nbytes for a in needed.values()) > MOST_BYTES and half_is_enough(run)
    return {
        "encode": graphs[0].json(),
        "decode": graphs[1].json(),
        "weights": packed(needed, half),
    }


def half_is_enough(run: Run) -> bool:
    """Whether weights of float16 change no code and no image by more than BAR of the largest."""
    rounded = run._replace(variables=jax.tree.map(_rounded, run.variables)).inner
    rng, inner = np.random.default_rng(0), run.inner
    x = rng.random((16, *inner.model.shape), np.float32)
    labels = np.arange(16) % run.config.model.classes if run.config.model.classes else None
    codes = inner.encode(x)
    both = [
        (codes, rounded.encode(x)),
        (inner.decode(codes, labels), rounded.decode(codes, labels)),
    ]
    return all(np.max(np.abs(a - b)) <= BAR * np.max(np.abs(a)) for a, b in both)


def _rounded(array: Any) -> np.ndarray:
    found = np.asarray(array)
    with np.errstate(over="ignore"):
        return found.astype(np.float16).astype(np.float32) if found.dtype == np.float32 else found


def packed(arrays: dict[str, np.ndarray], half: bool) -> dict[str, Any]:
    """The arrays one after the other as base64, float32 as float16 with `half`; what each is."""
    stored = [
        a.astype(np.float16) if half and a.dtype == np.float32 else a for a in arrays.values()
    ]
    listed = [
        {"name": n, "shape": list(a.shape), "dtype": str(a.dtype), "stored": str(s.dtype)}
        for (n, a), s in zip(arrays.items(), stored, strict=True)
    ]
    return {"data": _base64(s.tobytes() for s in stored), "arrays": listed}


def text(array: np.ndarray, dtype: Any = np.float32) -> str:
    """The numbers in C order, as little-endian base64."""
    return _base64([np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<")).tobytes()])


def _base64(parts: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(parts)).decode()

"""R16: random arrays at every public function of Python: a right answer or a documented exception.

What is right is read off the recipe of an array, not asked of the code that is tried: values that
can be meant are compared with the same values as plain float32, and all others must be refused.
"""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ae_jax.data.arrays import from_arrays
from ae_jax.errors import AeJaxError
from ae_jax.inputs.door import ROOM
from ae_jax.run import fitting
from ae_jax.run.trained import Run
from ae_jax.sklearn import Autoencoder
from tests.reliability.random_arrays import Case, cases
from tests.reliability.tally import Tally

H, W, K, CLASSES = 8, 6, 4, 3


def _floats(a: np.ndarray) -> bool:
    return a.dtype.kind == "f" or a.dtype.name == "bfloat16"


def unit_of(a: np.ndarray, room: float, holes: bool = False) -> np.ndarray | None:
    """Images as float32 in [0,1], NaN if `holes`; None where they cannot be meant as such."""
    if a.dtype == bool:
        return a.astype(np.float32)
    if a.dtype == np.uint8:
        return (a / 255).astype(np.float32)
    if not _floats(a):
        return None
    x = a.astype(np.longdouble)
    good = (((x >= -room) & (x <= 1 + room)) | (np.isnan(x) & holes)).all()
    return x.astype(np.float32) if good else None


def images_of(case: Case, room: float = ROOM) -> np.ndarray | None:
    """The images [n, H, W, 1] that a `Run` should see; None: it should refuse."""
    a = case.array
    if a is None or case.masked or a.shape[1:] not in ((H, W), (H, W, 1)):
        return None
    x = unit_of(a, room)
    return None if x is None else x.reshape(-1, H, W, 1)


def set_of(case: Case) -> np.ndarray | None:
    """The images or rows that `from_arrays` should see, of any shape, NaN what is not known; None:
    it should refuse.
    """
    a = case.array
    if a is None or a.ndim not in (2, 3, 4) or 0 in a.shape or len(a) < 2:
        return None
    hidden = np.ma.getmaskarray(case.value) if case.masked else np.zeros(a.shape, bool)
    if a.ndim == 2:
        return rows_of(a, hidden)
    x = unit_of(np.where(hidden, np.zeros((), a.dtype), a), 0.0, holes=True)
    if x is None or (a.dtype == np.uint8 and 0 < a[~hidden].max(initial=0) <= 16):
        return None
    x = np.where(hidden, np.float32(np.nan), x)
    if a.ndim == 4 and a.shape[1:] == (1, H, W):
        return None
    return x if x.ndim == 4 else x[..., None]


def rows_of(a: np.ndarray, hidden: np.ndarray) -> np.ndarray | None:
    """Rows of any real numbers that are finite, or not known."""
    if not (a.dtype.kind in "bui" or _floats(a)):
        return None
    x = np.where(hidden, np.nan, a.astype(np.float64))
    return None if np.isinf(x).any() else x


def codes_of(case: Case) -> np.ndarray | None:
    """The codes [n, K] that `decode` should see; None: it should refuse."""
    a = case.array
    if a is None or case.masked or a.ndim != 2 or a.shape[1] != K:
        return None
    if not (a.dtype.kind in "iu" or _floats(a)):
        return None
    x = a.astype(np.longdouble)
    return x.astype(np.float32) if (np.abs(x) < 3.4e38).all() else None  # NaN is not below


def labels_of(case: Case, n: int) -> np.ndarray | None:
    """The labels [n] that a decoder told one of CLASSES should see; None: it should refuse."""
    a = case.array
    if a is None or case.masked or a.shape not in ((n,), (n, 1)):
        return None
    if a.dtype.kind in "USO" and not n:
        return np.zeros(0, np.int32)
    if a.dtype.kind not in "biuf":
        return None
    x = a.astype(np.longdouble).reshape(-1)
    good = ((x == np.rint(x)) & (x >= 0) & (x < CLASSES)).all()
    return x.astype(np.int32) if good else None


class Doors(NamedTuple):
    """Small trained things to call."""

    run: Run
    told: Run  # its decoder is told the label
    estimator: Autoencoder


def make() -> Doors:
    """Trained for an epoch on 40 random images."""
    x = np.random.default_rng(0).integers(0, 256, (40, H, W, 1)).astype(np.uint8)
    y = np.arange(40) % CLASSES
    config: dict[str, Any] = {"train": {"batch_size": 20, "epochs": 1}}
    config["corruption"] = {"name": "mask"}
    run = fitting.fit({**config, "model": {"code_size": K}}, x, 0, progress=False)
    model = {"code_size": K, "classes": CLASSES}
    told = fitting.fit({**config, "model": model}, from_arrays(x, x, y, y), 0, progress=False)
    estimator = Autoencoder(code_size=K, epochs=1, random_state=0)
    return Doors(run, told, estimator.fit(x.reshape(40, -1) / 255.0))


def fuzz(tally: Tally, folder: Path, n: int) -> None:
    """R16: `n` random arrays at every public function that takes arrays.

    Checked: values that can be meant give what the same values as float32 give; all others raise an
    AeJaxError of at most three lines (the estimator: ValueError or TypeError); nothing warns.
    """
    doors = make()
    for i, case in enumerate(cases(0, n, (H, W, 1))):
        _images(tally, doors, case, i)
    for case in cases(1, n, (K,)):
        z = codes_of(case)
        _judge(tally, "decode", case, doors.run.decode, z)
        _estimator(tally, "inverse_transform", case, doors.estimator.inverse_transform)
    codes = np.random.default_rng(2).random((5, K)).astype(np.float32)
    for case in cases(3, n, ()):
        few = codes[: np.shape(case.array)[0] if np.ndim(case.array) else 1]  # type: ignore[arg-type]
        y = labels_of(case, len(few))
        _judge(tally, "labels", case, partial(doors.told.decode, few), y)


def _images(tally: Tally, doors: Doors, case: Case, i: int) -> None:
    """Every function that takes images; of what can be meant one in ten is drawn and fitted."""
    run, x, whole = doors.run, images_of(case), set_of(case)
    seldom = i % 20 == 1  # the odd ones are meant
    for name in ("encode", "reconstruct", "score"):
        _judge(tally, name, case, getattr(run, name), x)
    _judge(tally, "corrupt", case, lambda v: run.corrupt(v, 1), x)
    if x is None or not len(x) or seldom:
        some = x if x is not None and len(x) else None
        _judge(tally, "plot_codes", case, lambda v: len(run.plot_codes(v).axes), some)
        plot = run.plot_reconstructions
        _judge(tally, "plot_reconstructions", case, lambda v: len(plot(v).axes), some)
    if case.array is not None and case.array.ndim and len(case.array) > 1:
        pair = [_only(case, which) for which in (0, 1)]
        ends = [images_of(one) for one in pair]
        both = None if any(end is None for end in ends) else ends
        _judge(tally, "interpolate", case, lambda v: run.interpolate(v[0], v[1], 5), both)
    _judge(tally, "from_arrays", case, _together, whole)
    rows = whole is not None and whole.ndim == 2  # NaN is allowed there
    if (whole is None or np.isnan(whole).any() or seldom) and not rows:
        config = {"model": {"code_size": 2}, "train": {"batch_size": 1, "epochs": 1}}
        known = None if whole is None or np.isnan(whole).any() else whole
        _judge(tally, "fit", case, lambda v: fitting.fit(config, v, 0, False).code_mean, known)
    for name in ("transform", "score_samples", "score"):
        _estimator(tally, name, case, getattr(doors.estimator, name))


def _only(case: Case, which: int) -> Case:
    """One of the things of a case, as a set of one."""
    a = case.array
    assert a is not None
    value, one = case.value[which], a[which]
    masked = case.masked and bool(np.ma.is_masked(value))
    return Case(value, one if one.shape == (1, H, W, 1) else one[None], masked, case.recipe)


def _together(value: Any) -> np.ndarray:
    """All images of a data set in [0,1] units, -1 what is not known, sorted."""
    data = from_arrays(value)
    images = np.concatenate([data.train.images, data.test.images])
    unit = images / np.float32(255) if images.dtype == np.uint8 else images
    unit = np.where(np.isnan(unit), -1, unit).reshape(len(unit), -1)
    return np.asarray(sorted(map(np.ndarray.tolist, unit)))


def _judge(tally: Tally, name: str, case: Case, call: Callable[[Any], Any], meant: Any) -> None:
    """One call; `meant` are the plain numbers, None where they have to be refused."""
    said = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = call(case.value)
        good = meant is not None and _equal(got, call(meant))
        said = "accepted" if meant is None else "another answer"
    except AeJaxError as error:
        said = str(error)
        good = meant is None and len(said.splitlines()) <= 3
    except Exception as error:
        good, said = False, f"{type(error).__name__}: {error}"
    tally.check(good, f"{name}: {case.recipe}: {said[:200]}")


def _estimator(tally: Tally, name: str, case: Case, call: Callable[[Any], Any]) -> None:
    """What scikit-learn's checks let pass must be finite, and right for these numbers.

    The type is that of X where X is float32 or float64, which is for the estimator's own tests.
    """
    said = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = np.asarray(call(case.value), np.float64)
        plain = np.asarray(call(np.asarray(case.array).astype(np.float64)), np.float64)
        good = not case.masked and bool(np.isfinite(got).all()) and _equal(got, plain)
        said = "accepted"
    except (ValueError, TypeError) as error:
        good, said = bool(str(error)), "refused without a word"
    except Exception as error:
        good, said = False, f"{type(error).__name__}: {error}"
    tally.check(good, f"estimator.{name}: {case.recipe}: {said[:200]}")


def _equal(got: object, right: object) -> bool:
    a, b = np.asarray(got), np.asarray(right)
    scale = float(np.abs(b).max()) if b.size else 1.0
    return a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, 1e-4, 1e-5 * scale)

"""Random arrays as users might hand them over: types, orders, ranges, forms, holders."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

# How often a word stands is how often it is chosen; '-' is nothing.
ANY = {
    "dtype": "? u1 u1 f2 f4 f4 f8 f8 g bfloat16 i1 i2 i4 i8 u2 u4 u8 c8 c16 O U8 S8 M8[s]",
    "range": "unit unit unit bytes signed beyond huge tiny dark one none",
    "harm": "- - - nan inf -inf",
    "order": "C F reversed strided read-only swapped swapped",
    "form": "- - - - no_channel channels_first flat deeper one scalar",
    "holder": "array array array list lists tuple jax masked unmasked ragged",
}
# Of these every one can be meant as images in [0,1].
MEANT = {
    "dtype": "? u1 u1 f2 f4 f4 f8 f8 g bfloat16",
    "range": "unit unit unit tiny one none",
    "harm": "-",
    "order": ANY["order"],
    "form": "- - no_channel",
    "holder": "array array list lists tuple jax unmasked",
}


WRONG = {
    of: " ".join(word for word in words.split() if word not in MEANT[of].split())
    for of, words in ANY.items()
    if of != "order"  # any order is right
}


class Case(NamedTuple):
    """What is handed over, and what it is."""

    value: Any
    array: np.ndarray | None  # the same numbers; None: there is no such array
    masked: bool
    recipe: str


def cases(seed: int, n: int, shape: tuple[int, ...]) -> Iterator[Case]:
    """`n` random cases of 0, 1, 2 or 5 things of `shape`; the same for the same seed.

    Half of them are of kinds that can be meant as images, a quarter but for one word, and a quarter
    of all kinds there are.
    """
    rng = np.random.default_rng(seed)
    for i in range(n):
        odd = str(rng.choice(list(WRONG)))
        kinds = MEANT if i % 2 else ANY if i % 4 else MEANT | {odd: WRONG[odd]}
        pick = {of: str(rng.choice(words.split())) for of, words in kinds.items()}
        values = _values(rng, (int(rng.choice([0, 1, 2, 5])), *shape), pick["range"])
        if pick["harm"] != "-" and values.size:
            values.flat[rng.integers(values.size)] = float(pick["harm"])
        typed = _typed(values, pick["dtype"])
        array = np.asarray(_formed(typed, pick["form"], len(shape)), typed.dtype)
        array = _ordered(array, pick["order"])
        value, known = _held(rng, array, pick["holder"])
        masked = pick["holder"] == "masked" and bool(np.ma.is_masked(value))
        yield Case(value, known, masked, " ".join([*pick.values(), str(array.shape)]))


def _values(rng: np.random.Generator, shape: tuple[int, ...], how: str) -> np.ndarray:
    """float64 values of one range."""
    u = rng.random(shape)
    ranges: dict[str, Callable[[], np.ndarray]] = {
        "unit": lambda: u,
        "bytes": lambda: np.rint(255 * u),
        "signed": lambda: 2 * u - 1,
        "beyond": lambda: 3 * u,
        "huge": lambda: u * 10.0 ** rng.integers(20, 305),
        "tiny": lambda: u * 1e-42,
        "dark": lambda: np.rint(16 * u),
        "one": lambda: np.ones(shape),
        "none": lambda: np.zeros(shape),
    }
    return ranges[how]()


def _typed(values: np.ndarray, dtype: str) -> np.ndarray:
    """As another type; of uint8 and bool what unit values stand for."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if dtype == "?":
            return values > 0.5
        if dtype == "bfloat16":
            return values.astype(jnp.bfloat16)
        if dtype == "u1" and values.size and values.max() <= 1:
            values = 255 * values
        return values.astype("i8").astype(dtype) if dtype == "M8[s]" else values.astype(dtype)


def _formed(a: np.ndarray, form: str, rank: int) -> np.ndarray:
    if form == "no_channel" and rank == 3:
        return a[..., 0]
    if form == "channels_first" and rank == 3:
        return np.moveaxis(a, -1, 1)
    if form == "flat":
        return a.reshape(len(a), -1) if a.size else a
    if form == "deeper":
        return a[:, None]
    if form == "one" and len(a):
        return a[0]
    return a.reshape(-1)[:1].reshape(()) if form == "scalar" and a.size else a


def _ordered(a: np.ndarray, order: str) -> np.ndarray:
    if order == "F":
        return np.asfortranarray(a)
    if order == "reversed" and a.ndim:
        return np.flip(np.flip(a).copy())
    if order == "strided" and a.ndim:
        return np.repeat(a, 2, axis=-1)[..., ::2]
    if order == "read-only":
        a = a.copy()
        a.setflags(write=False)
    if order == "swapped" and a.dtype.kind in "iufcU":
        return a.astype(a.dtype.newbyteorder())
    return a


def _held(rng: np.random.Generator, a: np.ndarray, holder: str) -> tuple[Any, np.ndarray | None]:
    """(what is handed over, the array it means or None)."""
    if holder == "list" and a.ndim:
        return list(a), np.asarray(list(a))  # an empty list has lost its shape
    if holder == "lists":
        return a.tolist(), np.asarray(a.tolist())
    if holder == "tuple" and a.ndim:
        return tuple(a), np.asarray(tuple(a))
    if holder == "jax" and a.dtype.kind in "buif" and a.dtype.char != "g":
        with np.errstate(over="ignore"):
            held = jnp.asarray(a.astype(a.dtype.newbyteorder("=")))
        return held, np.asarray(held)
    if holder in ("masked", "unmasked"):
        mask = rng.random(a.shape) < (0.3 if holder == "masked" else 0)
        return np.ma.masked_array(a, mask), a
    if holder == "ragged" and len(a.shape) > 1 and len(a) > 1 and a.shape[1]:
        return [*a[:-1], a[-1][:-1]], None
    return a, a

"""Steps that move numbers, repeat them or count, as expressions."""

import numpy as np

from ae_jax.export.pytorch.terms import (
    ATOM,
    PLUS,
    Expr,
    Here,
    Translated,
    call,
    dim,
    dims,
    method,
    several,
    stripped,
    within,
)
from ae_jax.export.steps import Sizes


def _broadcast(here: Here) -> Expr:
    """New axes alone: what is repeated is repeated later."""
    (e, shape, _), axes = here.given[0], here.step.params["broadcast_dimensions"]
    own = axes[len(shape) - len(e.shape) :]
    if not own:
        return e
    rank = len(here.shape)
    made = tuple(e.shape[own.index(i)] if i in own else 1 for i in range(own[0], rank))
    if stripped(made) == stripped(e.shape):
        return e
    index = [":" if i in own else "None" for i in range(own[0], rank)]
    if index == [":"] * len(own) + ["None"] * (len(index) - len(own)) and len(own) > 1:
        index = ["...", *index[len(own) :]]
    while index[-1] == ":":
        index.pop()
    return Expr(f"{within(e, ATOM)}[{', '.join(index)}]", ATOM, made)


def _reshape(here: Here) -> Expr:
    e, new = here.given[0].expr, here.shape
    same = stripped(new) == stripped(e.shape) and len(e.shape) <= len(new)
    if same and e.shape == here.given[0].shape:
        return e
    e = here.full(0)
    if len(new) == 2 < len(e.shape) and new[0] == e.shape[0]:
        return here.made(*method(e, "flatten", "1"))
    free = [i for i, d in enumerate(new) if isinstance(d, str)]
    shown = ["-1" if [i] == free else dim(d) for i, d in enumerate(new)]
    return here.made(*method(e, "reshape", *shown))


def _squeeze(here: Here) -> Expr:
    return here.made(*method(here.full(0), "squeeze", several(here.step.params["dimensions"])))


def _transpose(here: Here) -> Expr:
    moves = here.step.params["permutation"]
    if moves == [*range(len(moves))]:
        return here.full(0)
    if len(moves) == 2:
        return here.made(f"{within(here.full(0), ATOM)}.T")
    return here.made(*method(here.full(0), "permute", dims(moves)))


def _flip(here: Here) -> Expr:
    return here.made(*method(here.full(0), "flip", dims(here.step.params["dimensions"])))


def _concatenate(here: Here) -> Expr:
    parts = ", ".join(here.full(i).text for i in range(len(here.given)))
    return here.made(*call("torch.cat", f"({parts})", f"dim={here.step.params['dimension']}"))


def _slice(here: Here) -> Expr:
    p, shape = here.step.params, here.given[0].shape
    steps = p.get("strides", [1] * len(shape))
    axes = zip(p["start_indices"], p["limit_indices"], steps, shape, strict=True)
    return here.made(_indexed(here.full(0), [_range(*axis) for axis in axes]))


def _range(start: int, limit: int | str, step: int, size: int | str) -> str:
    first, last = ("" if start == 0 else dim(start)), ("" if limit == size else dim(limit))
    return f"{first}:{last}" + (f":{step}" if step != 1 else "")


def _index(here: Here) -> Expr:
    p = here.step.params
    index = [":"] * len(here.given[0].shape)
    for axis, i in zip(p["axes"], p["indices"], strict=True):
        index[axis] = str(i)
    return here.made(_indexed(here.full(0), index))


def _indexed(e: Expr, index: list[str]) -> str:
    """e[...], the whole axes left out behind, or in front where they are many."""
    while index and index[-1] == ":":
        index = index[:-1]
    if not index:
        return e.text
    whole = next(i for i, part in enumerate(index) if part != ":")
    if whole > 1 and len(index) == len(e.shape):
        index = ["...", *index[whole:]]
    return f"{within(e, ATOM)}[{', '.join(index)}]"


def counting(shape: Sizes, axis: int, like: str) -> Expr:
    """0, 1, ... along an axis, on the device of `like`."""
    text, level = call("torch.arange", dim(shape[axis]), f"device={like}.device")
    behind = len(shape) - axis - 1
    index = f"[:, {', '.join(['None'] * behind)}]" if behind else ""
    return Expr(text + index, level, (shape[axis], *(1,) * behind))


def counted(array: np.ndarray, like: str) -> Expr | None:
    """Integers that are 0, 1, ... along an axis; None of others."""
    axis = int(np.argmax(array.shape)) if array.ndim else 0
    same = array.dtype.kind == "i" and array.size == max(array.shape, default=0)
    same = same and np.array_equal(array.ravel(), np.arange(array.size))
    return counting(array.shape, axis, like) if same else None


def _iota(here: Here) -> Expr:
    return counting(here.shape, here.step.params["dimension"], here.like)


def _at(here: Here) -> Expr:
    index = [":"] * here.step.params["axis"] + [g.expr.text for g in here.given[1:]]
    return here.made(_indexed(here.full(0), index))


def _put(here: Here) -> Expr:
    indices = ", ".join(g.expr.text for g in here.given[2:])
    comma = "," if len(here.given) == 3 else ""
    return here.made(*method(here.full(0), "index_put", f"({indices}{comma})", here.full(1).text))


def _scatter_along(here: Here) -> Expr:
    u = here.given[2].expr
    told = u.text if u.number else here.full(2).text
    axis = str(here.step.params["axis"])
    return here.made(*method(here.full(0), "scatter", axis, here.full(1).text, told))


def _repeat(here: Here) -> Expr:
    e = here.full(0)
    for axis, times in enumerate(here.step.params["times"]):
        if times != 1:
            e = Expr(*method(e, "repeat_interleave", str(times), str(axis)), here.shape)
    return e


def _size(here: Here) -> Expr:
    return Expr(dim(here.step.params["dim"]), PLUS, (), True)


OPS: dict[str, Translated] = {
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "rev": _flip,
    "concatenate": _concatenate,
    "slice": _slice,
    "index": _index,
    "at": _at,
    "put": _put,
    "scatter_along": _scatter_along,
    "repeat": _repeat,
    "iota": _iota,
    "dim_as_value": _size,
}

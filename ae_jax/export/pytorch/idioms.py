"""Steps that PyTorch has one function for, such as those of a layer norm, become one step."""

import math
from collections.abc import Callable
from typing import Any

from ae_jax.export.pytorch import indexing
from ae_jax.export.pytorch.matching import Around, Made, Match, Pattern
from ae_jax.export.steps import Step, Value
from ae_jax.export.trace import Graph, needed


def idiomatic(graph: Graph) -> Graph:
    """The graph with the steps of one function as one step, under the name of the function."""
    around = Around(graph)
    for step in graph.steps:
        around.add(step)
        for pattern, make in PATTERNS:
            found = around.match(pattern, step.out.name)
            if found is not None and (made := make(found | {"last": step}, around)):
                around.steps.pop(step.out.name)  # what it was made of comes first
                step = Step(*made[:2], step.out, made[2])
                around.add(step)
    kept, names = needed([*around.steps.values()], graph.outputs[0])
    constants = {k: v for k, v in around.constants.items() if k in names}
    return graph._replace(steps=tuple(kept), constants=constants)


def _one(op: str) -> Callable[[Match, Around], Made]:
    return lambda m, around: (op, (m["x"],), {})


def _mean(m: Match, around: Around) -> Made | None:
    """Where a sum is divided by how many numbers there are."""
    axes = m["sum"].params["axes"]
    many = [around.shapes[m["x"]][a] for a in axes]
    if m["size"] != math.prod(d for d in many if isinstance(d, int)):
        return None
    return ("mean", (m["x"],), {"axes": axes}) if all(isinstance(d, int) for d in many) else None


def _layer_norm(m: Match, around: Around) -> Made | None:
    """(x - m) / sqrt(v + eps) over the last axis, times the scale, plus the bias."""
    shape, last = around.shapes[m["x"]], len(around.shapes[m["x"]]) - 1
    fits = m["m"].params == m["v"].params == {"axes": [last]}
    axes = [m[wide].params["broadcast_dimensions"] for wide in ("wide_m", "wide_v")]
    if not fits or axes != [[*range(last)]] * 2 or not _of_channels(m, around, shape[last]):
        return None
    out: Value = m["last"].out
    normed, scaled = (out._replace(name=f"{out.name}_{part}") for part in ("normed", "scaled"))
    around.add(Step("layer_norm", (m["x"], m["eps"]), normed, {"size": shape[last]}))
    around.add(Step("mul", (normed.name, m["wide_scale"].out.name), scaled, {}))
    return "add", (scaled.name, m["wide_bias"].out.name), {}


def _of_channels(m: Match, around: Around, channels: int | str) -> bool:
    """Whether scale and bias are numbers of the channels, which is their last axis."""
    wide = [m["wide_scale"].out.shape, m["wide_bias"].out.shape]
    own = [around.shapes[m["scale"]], around.shapes[m["bias"]]]
    return own == [(channels,)] * 2 and all(w[-1] == channels for w in wide)


def _softmax(m: Match, around: Around) -> Made | None:
    """exp(x - a) / sum exp(x - a), where a is constant along the axis of the sum."""
    (axis, *others), shape = m["sum"].params["axes"], around.shapes[m["x"]]
    kept = [i for i in range(len(shape)) if i != axis]
    fits = m["shift"].out.shape[axis] == 1 and m["wide"].params["broadcast_dimensions"] == kept
    return ("softmax", (m["x"],), {"axis": axis}) if fits and not others else None


def _index(m: Match, around: Around) -> Made | None:
    """x[i] along axes that are gone afterwards."""
    axes, starts = m["last"].params["dimensions"], m["slice"].params["start_indices"]
    shape = around.shapes[m["x"]]
    if m["slice"].out.shape != tuple(1 if i in axes else d for i, d in enumerate(shape)):
        return None
    return "index", (m["x"],), {"axes": axes, "indices": [starts[a] for a in axes]}


LARGER = ("select_n", ("or", ("gt", "b", "a"), ("isnan", "b")), "a", ("slice:b_slice", "x"))


def _window(m: Match, around: Around) -> Made | None:
    """The largest of neighbors, which were the numbers along an axis that is gone afterwards.

    Of equal ones the first has the gradient, as it has of `torch.max`.
    """
    axes, name, parts = m["last"].params["dimensions"], m["all"], list[Step]()
    while (found := around.match(LARGER, name)) and found["b"] == found["b_slice"].out.name:
        name = found["a"]
        parts.append(found["b_slice"])
    first = around.steps.get(name)
    if not parts or first is None or first.op != "slice" or len(axes) != 1:
        return None
    parts, shape = [first, *parts[::-1]], around.shapes[first.inputs[0]]
    own = (*shape[: axes[0]], 1, *shape[axes[0] + 1 :])
    starts = [p.params["start_indices"][axes[0]] for p in parts]
    if starts != [*range(len(parts))] or shape[axes[0]] != len(parts):
        return None
    if any(p.out.shape != own or p.inputs != first.inputs for p in parts):
        return None
    return "window_max", first.inputs, {"axis": axes[0]}


def _reshaped(m: Match, around: Around) -> Made:
    return "reshape", (m["x"],), m["last"].params


def _turned(m: Match, around: Around) -> Made | None:
    """Axes that move twice, or after a product."""
    moves, first = m["last"].params["permutation"], m["first"]
    before = first.params.get("permutation", [*range(len(moves))])
    return first.op, first.inputs, first.params | {"permutation": [before[i] for i in moves]}


def _repeat(m: Match, around: Around) -> Made | None:
    """Every number of x several times along its own axis."""
    own, axes = around.shapes.get(m["x"], ()), m["wide"].params["broadcast_dimensions"]
    wide, made = m["wide"].out.shape, m["last"].out.shape
    ends = [*axes[1:], len(wide)]
    times = [wide[a + 1] if end == a + 2 else 1 for a, end in zip(axes, ends, strict=True)]
    if not axes or axes[0] != 0 or any(e - a > 2 for a, e in zip(axes, ends, strict=True)):
        return None
    if any(isinstance(t, str) for t in times) or [wide[a] for a in axes] != [*own]:
        return None
    products = [d if t == 1 else _times(d, t) for d, t in zip(own, times, strict=True)]
    return ("repeat", (m["x"],), {"times": times}) if [*made] == products else None


def _times(d: int | str, t: Any) -> int | str:
    return d * int(t) if isinstance(d, int) else f"{t}*{d}"


def _conv_transpose(m: Match, around: Around) -> Made | None:
    """A convolution with zeros between the pixels, the kernel turned around."""
    p, kernel = m["last"].params, m["rev"].params["dimensions"]
    taps = [around.shapes[m["kernel"]][a] for a in p["dimension_numbers"]["rhs_spec"][2:]]
    plain = set(p["window_strides"] + p["rhs_dilation"] + [p["feature_group_count"]]) == {1}
    if sorted(kernel) != sorted(p["dimension_numbers"]["rhs_spec"][2:]) or not plain:
        return None
    cut = [int(k) - 1 - low for k, (low, _) in zip(taps, p["padding"], strict=True)]
    extra = [high - low for low, high in p["padding"]]
    if min(cut + extra) < 0 or any(
        e and e >= s for e, s in zip(extra, p["lhs_dilation"], strict=True)
    ):
        return None
    params = {"stride": p["lhs_dilation"], "padding": cut, "output_padding": extra}
    numbers = {"dimension_numbers": p["dimension_numbers"]}
    return "conv_transpose", (m["x"], m["kernel"]), params | numbers


M = ("broadcast_in_dim:wide_m", ("mean:m", "x"))
V = ("broadcast_in_dim:wide_v", ("mean:v", ("square", ("sub", "x", M))))
WEIGHT = ("mul", ("rsqrt", ("add", V, "eps")), ("reshape:wide_scale", "scale"))
SHIFTED = ("exp", ("sub", "x", ("stop_gradient:shift", "a")))
SMALL = ("select_n", ("gt", "x", 0.0), "x", 0.0)
LOG = ("add", ("relu", "x"), ("log1p", ("exp", ("neg", ("abs", "x")))))
ROWS = ("broadcast_in_dim:rows", ("iota:iota",))
CELLS = ("concatenate", ROWS, ("broadcast_in_dim:columns", "i"))

PATTERNS: list[tuple[Pattern, Callable[[Match, Around], Made | None]]] = [
    (("max", "x", 0.0), _one("relu")),
    (("ne", "x", "x"), _one("isnan")),
    (("mul", "x", ("logistic", "x")), _one("silu")),
    (("mul", ("mul", 0.5, "x"), ("erfc", ("mul", ("neg", "x"), math.sqrt(0.5)))), _one("gelu")),
    (("select_n", ("gt", "x", 0.0), ("expm1", SMALL), "x"), _one("elu")),
    (("select_n", ("isnan", "x"), LOG, "x"), _one("softplus")),
    (("div", ("reduce_sum:sum", "x"), "size"), _mean),
    (("div", SHIFTED, ("broadcast_in_dim:wide", ("reduce_sum:sum", SHIFTED))), _softmax),
    (("add", ("mul", ("sub", "x", M), WEIGHT), ("reshape:wide_bias", "bias")), _layer_norm),
    (("squeeze", ("slice:slice", "x")), _index),
    (("squeeze", "all"), _window),
    (("transpose", ("transpose:first", "x")), _turned),
    (("transpose", ("dot_general:first", "a", "b")), _turned),
    (("reshape", ("broadcast_in_dim:wide", "x")), _repeat),
    (("reshape", ("reshape", "x")), _reshaped),
    (("conv_general_dilated", "x", ("rev:rev", "kernel")), _conv_transpose),
    (("scatter", "x", CELLS, "u"), indexing.scatter_along),
    (("scatter", "x", "i", "u"), indexing.scatter),
    (("gather", "x", "i"), indexing.gather),
]

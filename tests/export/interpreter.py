"""Graphs of `ae_jax.export.trace` in NumPy, from their JSON and the description of it alone."""

import json
import math
import re

import numpy as np
from scipy import special

SCALARS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def call(graph, weights, *rows):
    """The output of a graph for arrays: the weights by name, then its inputs."""
    graph = json.loads(json.dumps(graph.json(), allow_nan=False))
    known = {v["name"]: weights[v["name"]] for v in graph["weights"]}
    known |= {v["name"]: r for v, r in zip(graph["inputs"], rows, strict=True)}
    for c in graph["constants"]:
        data = [SCALARS.get(v, v) if isinstance(v, str) else v for v in c["data"]]
        known[c["name"]] = np.array(data, c["dtype"]).reshape(c["shape"])
    for v in (*graph["inputs"], *graph["weights"]):
        assert known[v["name"]].shape == sizes(v["shape"], len(rows[0]))
        assert known[v["name"]].dtype == v["dtype"]

    def read(v, dtype):
        if not isinstance(v, str):
            return np.array(v, dtype if not isinstance(v, bool) else bool)
        return np.array(SCALARS[v], dtype) if v in SCALARS else known[v]

    for step in graph["steps"]:
        types = [known[v].dtype for v in step["in"] if isinstance(v, str) and v in known]
        dtype = types[-1] if types and step["op"] != "select_n" else step["dtype"]
        given = [read(v, dtype) for v in step["in"]]
        p = {k: [*sizes(v, len(rows[0]))] if k in SIZED else v for k, v in step["params"].items()}
        with np.errstate(all="ignore"):
            found = np.asarray(OPS[step["op"]](p, *given)).astype(step["dtype"])
        assert found.shape == sizes(step["shape"], len(rows[0])), step
        assert step["out"] not in known
        known[step["out"]] = found
    (output,) = graph["outputs"]
    return known[output]


SIZED = ("new_sizes", "shape", "limit_indices", "start_indices")


def sizes(shape, n):
    for d in shape:
        assert isinstance(d, int) or re.fullmatch(r"[0-9n+*() -]+", d), d
    return tuple(d if isinstance(d, int) else eval(d, {"n": n}) for d in shape)


def broadcast(p, x):
    kept = [1] * len(p["shape"])
    for size, axis in zip(x.shape, p["broadcast_dimensions"], strict=True):
        kept[axis] = size
    return np.broadcast_to(x.reshape(kept), p["shape"])


def dot(p, a, b):
    (of_a, of_b), (batch_a, batch_b) = p["dimension_numbers"]
    names_a, names_b = [None] * a.ndim, [None] * b.ndim
    letters = iter("abcdefghijklmnop")
    for i, j in zip((*batch_a, *of_a), (*batch_b, *of_b), strict=True):
        names_a[i] = names_b[j] = next(letters)
    names_a, names_b = ([v or next(letters) for v in names] for names in (names_a, names_b))
    kept = [v for v in (*names_a, *names_b) if v not in {names_a[i] for i in (*batch_a, *of_a)}]
    out = [names_a[i] for i in batch_a] + kept
    return np.einsum(f"{''.join(names_a)},{''.join(names_b)}->{''.join(out)}", a, b, optimize=True)


def conv(p, x, kernel):
    """One product for every place in the kernel."""
    axes = p["dimension_numbers"]
    assert p["feature_group_count"] == p["batch_group_count"] == 1
    x, kernel = x.transpose(axes["lhs_spec"]), kernel.transpose(axes["rhs_spec"])
    n, _, *size = x.shape
    for d in (0, 1):
        shape = [*x.shape]
        shape[2 + d] = (size[d] - 1) * p["lhs_dilation"][d] + 1
        wide = np.zeros(shape, x.dtype)
        wide[(slice(None),) * (2 + d) + (slice(None, None, p["lhs_dilation"][d]),)] = x
        x = wide
    x = np.pad(x, [(0, 0), (0, 0), *p["padding"]])
    steps, holes, taps = p["window_strides"], p["rhs_dilation"], kernel.shape[2:]
    reach = [(x.shape[2 + d] - (taps[d] - 1) * holes[d] - 1) // steps[d] + 1 for d in (0, 1)]
    y = np.zeros((n, kernel.shape[0], *reach), x.dtype)
    for i in range(taps[0]):
        for j in range(taps[1]):
            rows = slice(i * holes[0], i * holes[0] + (reach[0] - 1) * steps[0] + 1, steps[0])
            columns = slice(j * holes[1], j * holes[1] + (reach[1] - 1) * steps[1] + 1, steps[1])
            y += np.moveaxis(np.tensordot(kernel[:, :, i, j], x[:, :, rows, columns], (1, 1)), 0, 1)
    return y.transpose(np.argsort(axes["out_spec"]))


def gather(p, x, indices):
    """x[i] of full slices behind the axes that are indexed."""
    axes = p["dimension_numbers"]
    k = indices.shape[-1]
    assert axes["collapsed_slice_dims"] == axes["start_index_map"] == [*range(k)]
    assert p["slice_sizes"] == [1] * k + [*x.shape[k:]]
    return x[tuple(np.moveaxis(indices, -1, 0))]


def scatter(p, x, indices, updates):
    axes = p["dimension_numbers"]
    k = indices.shape[-1]
    assert axes["inserted_window_dims"] == axes["scatter_dims_to_operand_dims"] == [*range(k)]
    x = x.copy()
    x[tuple(np.moveaxis(indices, -1, 0))] = updates
    return x


def top_k(p, x):
    assert p["axis"] == x.ndim - 1
    order = np.argsort(-x, axis=-1, kind="stable")[..., : p["k"]]
    return order if p["result"] else np.take_along_axis(x, order, -1)


def sliced(p, x):
    steps = p.get("strides", [1] * x.ndim)
    where = zip(p["start_indices"], p["limit_indices"], steps, strict=True)
    return x[tuple(slice(*w) for w in where)]


def iota(p):
    shape = [1] * len(p["shape"])
    shape[p["dimension"]] = -1
    return np.broadcast_to(np.arange(p["shape"][p["dimension"]]).reshape(shape), p["shape"])


def plain(function):
    return lambda p, *given: function(*given)


OPS = {
    **{k: plain(getattr(np, k)) for k in ("abs", "exp", "expm1", "log", "log1p", "sign", "sqrt")},
    **{k: plain(getattr(np, k)) for k in ("tanh", "square", "floor")},
    "add": plain(np.add),
    "sub": plain(np.subtract),
    "mul": plain(np.multiply),
    "div": plain(np.divide),
    "neg": plain(np.negative),
    "max": plain(np.maximum),
    "min": plain(np.minimum),
    "or": plain(np.logical_or),
    "and": plain(np.logical_and),
    "not": plain(np.logical_not),
    "eq": plain(np.equal),
    "ne": plain(np.not_equal),
    "lt": plain(np.less),
    "gt": plain(np.greater),
    "logistic": plain(special.expit),
    "erf": plain(special.erf),
    "erfc": plain(special.erfc),
    "rsqrt": plain(lambda x: 1 / np.sqrt(x)),
    "integer_pow": lambda p, x: x ** np.float64(p["y"]),
    "round": lambda p, x: {"TO_NEAREST_EVEN": np.round}[p["rounding_method"]](x),
    "stop_gradient": plain(lambda x: x),
    "convert_element_type": lambda p, x: x.astype(p["new_dtype"]),
    "select_n": plain(lambda which, a, b: np.where(which, b, a)),
    "clamp": plain(lambda low, x, high: np.clip(x, low, high)),
    "reshape": lambda p, x: x.reshape(p["new_sizes"]),
    "squeeze": lambda p, x: x.squeeze(tuple(p["dimensions"])),
    "transpose": lambda p, x: x.transpose(p["permutation"]),
    "rev": lambda p, x: np.flip(x, p["dimensions"]),
    "broadcast_in_dim": broadcast,
    "concatenate": lambda p, *given: np.concatenate(given, p["dimension"]),
    "slice": sliced,
    "iota": iota,
    "reduce_sum": lambda p, x: x.sum(tuple(p["axes"])),
    "reduce_max": lambda p, x: x.max(tuple(p["axes"])),
    "argmin": lambda p, x: x.argmin(*p["axes"]),
    "argmax": lambda p, x: x.argmax(*p["axes"]),
    "dot_general": dot,
    "conv_general_dilated": conv,
    "gather": gather,
    "scatter": scatter,
    "top_k": top_k,
}
assert math.inf == SCALARS["Infinity"]

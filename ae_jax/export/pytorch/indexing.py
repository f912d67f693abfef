"""x[i, j]: what XLA gathers and scatters, where PyTorch has an index for it."""

from ae_jax.export.pytorch.matching import Around, Made, Match
from ae_jax.export.steps import Scalar, Step, Value


def _parts(indices: Scalar, around: Around) -> tuple[Scalar, ...]:
    """What an array of indices [..., k] has along its last axis, as k arrays."""
    step, shape = around.steps.get(indices), around.shapes[indices]
    joined = step is not None and step.op == "concatenate" and len(step.inputs) == shape[-1]
    pieces = step.inputs if joined and step else (indices,) * int(shape[-1])
    return tuple(_part(p, 0 if joined else i, around) for i, p in enumerate(pieces))


def _part(piece: Scalar, i: int, around: Around) -> str:
    """The i-th along the last axis, as a constant or by a step of its own."""
    name, shape, step = f"{piece}_{i}", around.shapes[piece][:-1], around.steps.get(piece)
    if str(piece) in around.constants:
        around.shapes[name] = shape
        around.constants[name] = around.constants[str(piece)][..., i]
        return name
    made = Step(
        "index", (piece,), Value(name, shape, "int32"), {"axes": [len(shape)], "indices": [i]}
    )
    axes = step.params.get("broadcast_dimensions") if step else None
    if step and axes is not None and len(shape) not in axes:  # the last axis is new
        params = {"shape": [*shape], "broadcast_dimensions": axes}
        made = Step("broadcast_in_dim", step.inputs, made.out, params)
    around.add(made)
    return name


def gather(m: Match, around: Around) -> Made | None:
    """x[..., i, j, ...] along neighboring axes of x."""
    p, shape, indices = m["last"].params, around.shapes[m["x"]], around.shapes[m["i"]]
    numbers, own = p["dimension_numbers"], p["dimension_numbers"]["start_index_map"]
    others, wide = [i for i in range(len(shape)) if i not in own], len(indices) - 1
    kept = [n if i < own[0] else n + wide for n, i in enumerate(others)]
    whole = [1 if i in own else d for i, d in enumerate(shape)]
    if own != [*range(own[0], own[0] + len(own))] or own != numbers["collapsed_slice_dims"]:
        return None
    if p["slice_sizes"] != whole or numbers["offset_dims"] != kept:
        return None
    if numbers["operand_batching_dims"]:
        return None
    return "at", (m["x"], *_parts(m["i"], around)), {"axis": own[0]}


def scatter(m: Match, around: Around) -> Made | None:
    """x with x[i, j, ...] = u along its first axes."""
    axes, shape, indices = (
        m["last"].params["dimension_numbers"],
        around.shapes,
        around.shapes[m["i"]],
    )
    k, rest = int(indices[-1]), len(shape[m["x"]]) - int(indices[-1])
    first = axes["inserted_window_dims"] == axes["scatter_dims_to_operand_dims"] == [*range(k)]
    behind = [*range(len(indices) - 1, len(indices) - 1 + rest)]
    if not first or axes["operand_batching_dims"] or axes["update_window_dims"] != behind:
        return None
    return "put", (m["x"], m["u"], *_parts(m["i"], around)), {}


def scatter_along(m: Match, around: Around) -> Made | None:
    """x[row, i[row]] = u, of the rows of a matrix."""
    indexed = m["last"].params["dimension_numbers"]
    rows = m["iota"].params["dimension"] == 0 and m["iota"].out.shape == around.shapes[m["i"]]
    wide = [m[part].params["broadcast_dimensions"] for part in ("rows", "columns")]
    axes = [indexed["inserted_window_dims"], indexed["scatter_dims_to_operand_dims"]]
    if not rows or wide != [[0, 1]] * 2 or axes != [[0, 1]] * 2:
        return None
    return "scatter_along", (m["x"], m["i"], m["u"]), {"axis": 1}

"""What XLA splits, or gathers at places that are known, as slices."""

from typing import Any

import numpy as np

from ae_jax.export.steps import Sizes, sizes


def parts(axis: int, outs: list[Sizes]) -> list[dict[str, Any]]:
    """The params of the slices that an array is split into along an axis."""
    found, start = [], 0
    for shape in outs:
        first, limit = [0] * len(shape), [*shape]
        first[axis], limit[axis] = start, (start := start + int(shape[axis]))
        found.append({"start_indices": first, "limit_indices": limit})
    return found


def gathered(
    params: dict[str, Any], shape: Sizes, indices: np.ndarray
) -> tuple[Sizes, dict[str, Any], list[int]] | None:
    """(shape and params of the slice, the axes that then vanish) of one window at `indices`."""
    numbers, size = params["dimension_numbers"], sizes(params["slice_sizes"])
    gone = [int(i) for i in numbers.collapsed_slice_dims]
    kept = [*range(len(shape) - len(gone))]
    if indices.ndim != 1 or numbers.operand_batching_dims or [*numbers.offset_dims] != kept:
        return None
    first: list[int] = [0] * len(shape)
    for axis, start in zip(numbers.start_index_map, indices.tolist(), strict=True):
        first[axis] = start
    limit: list[int | str] = []
    for start, d, whole in zip(first, size, shape, strict=True):
        limit.append(d if start == 0 else start + d if isinstance(d, int) else -1)
        inside = isinstance(whole, int) and isinstance(limit[-1], int) and limit[-1] <= whole
        if start < 0 or limit[-1] == -1 or not (inside or limit[-1] == whole):
            return None
    return size, {"start_indices": first, "limit_indices": limit}, gone

"use strict";
// The steps that take or put numbers by index, as XLA's gather and scatter do.

// Calls each(place among the indices' rows, place in the window, place in x or -1 outside) for
// XLA's gather and scatter; `shape` is that of what is gathered, or of the updates.
function windows(x, indices, shape, windowAxes, p, each) {
  const d = p.dimension_numbers,
    own = stridesOf(x.shape);
  const toAxis = d.start_index_map || d.scatter_dims_to_operand_dims;
  const missing = d.collapsed_slice_dims || d.inserted_window_dims;
  const inX = d.operand_batching_dims || [],
    inIndices = d.start_indices_batching_dims || d.scatter_indices_batching_dims || [];
  const kept = x.shape.map((_, i) => i).filter((i) => !missing.includes(i) && !inX.includes(i));
  const batchAxes = shape.map((_, i) => i).filter((i) => !windowAxes.includes(i));
  const strides = stridesOf(shape),
    ofIndices = stridesOf(indices.shape),
    clips = /CLIP/.test(p.mode);
  const sizeOf = (i) =>
    p.slice_sizes ? p.slice_sizes[i] : kept.includes(i) ? shape[windowAxes[kept.indexOf(i)]] : 1;
  for (let i = 0; i < count(shape); i++) {
    const at = shape.map((s, axis) => Math.floor(i / strides[axis]) % s);
    const row = batchAxes.reduce((sum, axis, j) => sum + at[axis] * ofIndices[j], 0);
    let place = 0,
      inside = true;
    const start = x.shape.map(() => 0);
    toAxis.forEach((axis, j) => {
      start[axis] = indices.data[row + j];
    });
    inX.forEach((axis, j) => {
      start[axis] = at[batchAxes[inIndices[j]]];
    });
    x.shape.forEach((size, axis) => {
      const last = size - sizeOf(axis);
      if (clips) start[axis] = Math.min(Math.max(start[axis], 0), last);
      else inside &&= start[axis] >= 0 && start[axis] <= last;
      const within = kept.includes(axis) ? at[windowAxes[kept.indexOf(axis)]] : 0;
      place += (start[axis] + within) * own[axis];
    });
    each(i, inside ? place : -1);
  }
}

const gathering =
  ([x, indices], out, p) =>
  () => {
    const fill = Number(p.fill_value ?? NaN);
    windows(x, indices, out.shape, p.dimension_numbers.offset_dims, p, (i, from) => {
      out.data[i] = from < 0 ? fill : x.data[from];
    });
  };

const scatter =
  (f) =>
  ([x, indices, updates], out, p) =>
  () => {
    out.data.set(x.data);
    windows(x, indices, updates.shape, p.dimension_numbers.update_window_dims, p, (i, to) => {
      if (to >= 0) out.data[to] = f(out.data[to], updates.data[i]);
    });
  };

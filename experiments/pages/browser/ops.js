"use strict";
// The arithmetic of a traced network: the steps that ae_jax/export/trace.py lists, by their names.
//
//   const f = compiled(graph, weights, 1);  // of one example
//   f(x) -> a typed array that the next call overwrites
//
// An array is {shape, dtype, data}, its data flat in C order. Each entry of OPS takes the operands,
// the result and the parameters of a step, prepares what depends on shapes alone, and returns what
// fills the result; or nothing, where the result is the operand's own data. A step of weights and
// constants alone is computed once.

const KINDS = { float32: Float32Array, bfloat16: Float32Array, float64: Float64Array,
  bool: Uint8Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array, int64: Int32Array,
  uint32: Uint32Array };

function compiled(graph, weights, n) {
  const known = new Map(), program = [];
  for (const w of graph.weights) known.set(w.name, { ...weights.get(w.name), fixed: true });
  for (const c of graph.constants) {
    known.set(c.name, { ...arrayOf(c.shape, c.dtype, c.data.map(Number)), fixed: true });
  }
  const inputs = graph.inputs.map((v) => arrayOf(sizes(v.shape, n), v.dtype));
  graph.inputs.forEach((v, i) => known.set(v.name, inputs[i]));
  for (const { op, in: names, out: name, shape, dtype, params } of graph.steps) {
    if (!Object.hasOwn(OPS, op)) throw new Error(`the step '${op}' is not known here`);
    const given = names.map((v) => known.get(v) || scalar(v));
    const out = arrayOf(sizes(shape, n), dtype);
    let work = OPS[op](given, out, params, n) || (() => {});
    if (dtype === "bfloat16") work = rounded(work, out);
    out.fixed = given.every((x) => x.fixed);
    if (out.fixed) work();
    else program.push(work);
    known.set(name, out);
  }
  const result = known.get(graph.outputs[0]);
  return (...values) => {
    values.forEach((v, i) => inputs[i].data.set(v));
    for (const work of program) work();
    return result.data;
  };
}

// ---- Arrays -------------------------------------------------------------------------------------

const count = (shape) => shape.reduce((a, b) => a * b, 1);
const scalar = (v) => ({ shape: [], dtype: "float32", data: [Number(v)], fixed: true }); // or "NaN"

function arrayOf(shape, dtype, data) {
  const Kind = KINDS[dtype];
  if (!Kind) throw new Error(`numbers of type '${dtype}' are not known here`);
  return { shape, dtype, data: data ? Kind.from(data) : new Kind(count(shape)) };
}

// Sizes with n in them, such as "n" or "49*n", as numbers.
function sizes(shape, n) {
  const factor = (f) => (f.trim() === "n" ? n : Number(f));
  const term = (t) => t.split("*").reduce((a, f) => a * factor(f), 1);
  return shape.map((s) => (typeof s === "number" ? s : s.split("+").reduce((a, t) => a + term(t), 0)));
}

function stridesOf(shape) {
  const strides = new Array(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

// start + sum_axis index[axis] * strides[axis] of every index into an array of `shape`, in C order.
const made = new Map();
function places(shape, strides, start = 0) {
  const key = `${shape};${strides};${start}`;
  if (made.has(key)) return made.get(key);
  const found = new Int32Array(count(shape)), at = shape.map(() => 0);
  for (let i = 0, place = start; i < found.length; i++) {
    found[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis];
      if (++at[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
  made.set(key, found);
  return found;
}

// Where the numbers of an operand are that NumPy would broadcast to `shape`; null: in their places.
function spread(x, shape) {
  if (count(x.shape) === count(shape)) return null;
  const own = stridesOf(x.shape), skip = shape.length - x.shape.length;
  const stays = (i) => i < skip || x.shape[i - skip] === 1;
  return places(shape, shape.map((_, i) => (stays(i) ? 0 : own[i - skip])));
}

// What gives the operand's data with its axes in another order; those of weights are moved once.
function inOrder(x, axes) {
  if (axes.every((axis, i) => axis === i)) return () => x.data;
  const own = stridesOf(x.shape), shape = axes.map((axis) => x.shape[axis]);
  const moved = arrayOf(shape, x.dtype);
  const move = copies(x, moved, places(shape, axes.map((axis) => own[axis])));
  move();
  return x.fixed ? () => moved.data : () => { move(); return moved.data; };
}

// What fills the result with x.data[from[i]].
const copies = (x, out, from) => () => {
  for (let i = 0; i < from.length; i++) out.data[i] = x.data[from[i]];
};

function rounded(work, out) {
  const bits = new Uint32Array(out.data.buffer);
  return () => {
    work();
    for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) & 0xffff0000;
  };
}

// ---- Elementwise --------------------------------------------------------------------------------

const unary = (f) => ([x], out) => () => {
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(x.data[i]);
};

const binary = (f) => ([a, b], out) => {
  const ia = spread(a, out.shape), ib = spread(b, out.shape);
  return () => {
    const x = a.data, y = b.data, z = out.data;
    for (let i = 0; i < z.length; i++) z[i] = f(x[ia ? ia[i] : i], y[ib ? ib[i] : i]);
  };
};

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - p * Math.exp(-x * x));
}

const away = (x) => Math.sign(x) * Math.round(Math.abs(x)); // halves away from zero
const even = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

// ---- Along axes ---------------------------------------------------------------------------------

const reduction = (f, first) => ([x], out, { axes }) => {
  const own = stridesOf(out.shape);
  let axis = 0;
  const to = places(x.shape, x.shape.map((_, i) => (axes.includes(i) ? 0 : own[axis++])));
  const sums = new Float64Array(out.data.length);
  return () => {
    sums.fill(first);
    for (let i = 0; i < to.length; i++) sums[to[i]] = f(sums[to[i]], x.data[i]);
    out.data.set(sums);
  };
};

// For every line along an axis: where its first number is, and how far the next.
function lines(shape, axis) {
  const step = stridesOf(shape)[axis], rest = shape.map((s, i) => (i === axis ? 1 : s));
  return { step, length: shape[axis], starts: places(rest, stridesOf(shape)) };
}

const best = (better) => ([x], out, { axes }) => {
  const { step, length, starts } = lines(x.shape, axes[0]);
  return () => starts.forEach((start, i) => {
    let found = 0;
    for (let j = 1; j < length; j++) {
      if (better(x.data[start + j * step], x.data[start + found * step])) found = j;
    }
    out.data[i] = found;
  });
};

const cumulative = (f) => ([x], out, { axis, reverse }) => {
  const { step, length, starts } = lines(x.shape, axis);
  return () => starts.forEach((start) => {
    for (let j = 0, sum; j < length; j++) {
      const at = start + (reverse ? length - 1 - j : j) * step;
      out.data[at] = sum = j ? f(sum, x.data[at]) : x.data[at];
    }
  });
};

// The order of the numbers of each line: `sign` 1 ascending, -1 descending; equal ones stay in order.
function ordered(x, axis, sign, write) {
  const { step, length, starts } = lines(x.shape, axis);
  const all = Array.from({ length }, (_, j) => j);
  return () => starts.forEach((start, line) => {
    const value = (j) => x.data[start + j * step];
    write(line, start, step, all.slice().sort((a, b) => sign * (value(a) - value(b)) || a - b));
  });
}

// ---- Products -----------------------------------------------------------------------------------

// A row of numbers times a matrix [K, N], four columns at a time. Of the row there are the m numbers
// that are not 0 (most of a drawing is black), and WIDE times their places.
const WIDE = 4;

function times(values, at, m, matrix, K, N, z, to) {
  for (let j = 0; j < N; j += WIDE) {
    const block = j * K, p = to + j, left = N - j;
    let a = 0, b = 0, c = 0, d = 0;
    for (let i = 0; i < m; i++) {
      const v = values[i], w = block + at[i];
      a += v * matrix[w]; b += v * matrix[w + 1]; c += v * matrix[w + 2]; d += v * matrix[w + 3];
    }
    z[p] = a;
    if (left > 1) z[p + 1] = b;
    if (left > 2) z[p + 2] = c;
    if (left > 3) z[p + 3] = d;
  }
}

// What gives B matrices [K, N] as `times` reads them: [N / WIDE, K, WIDE]. Weights are packed once.
function packed(x, axes, B, K, N) {
  const own = stridesOf(x.shape), blocks = Math.ceil(N / WIDE);
  const from = places(axes.map((axis) => x.shape[axis]), axes.map((axis) => own[axis]));
  const matrices = Array.from({ length: B }, () => new Float64Array(blocks * K * WIDE));
  const pack = () => {
    for (let i = 0; i < from.length; i++) {
      const j = i % N, k = Math.floor(i / N) % K;
      matrices[Math.floor(i / (K * N))][((j - (j % WIDE)) * K) + k * WIDE + (j % WIDE)] = x.data[from[i]];
    }
  };
  pack();
  return x.fixed ? () => matrices : () => { pack(); return matrices; };
}

function dotGeneral([a, b], out, { dimension_numbers: [[ca, cb], [ba, bb]] }) {
  const others = (x, taken) => x.shape.map((_, i) => i).filter((i) => !taken.includes(i));
  const fa = others(a, [...ca, ...ba]), fb = others(b, [...cb, ...bb]);
  const [B, M, K, N] = [[a, ba], [a, fa], [a, ca], [b, fb]].map(
    ([x, axes]) => count(axes.map((axis) => x.shape[axis])));
  const left = inOrder(a, [...ba, ...fa, ...ca]);
  const values = new Float64Array(K), at = new Int32Array(K);
  const right = packed(b, [...bb, ...cb, ...fb], B, K, N);
  return () => {
    const x = left(), matrices = right();
    for (let r = 0; r < B * M; r++) {
      let m = 0;
      for (let k = 0; k < K; k++) {
        const v = x[r * K + k];
        if (v !== 0) { values[m] = v; at[m++] = k * WIDE; }
      }
      times(values, at, m, matrices[Math.floor(r / M)], K, N, out.data, r * N);
    }
  };
}

function convolution([a, b], out, p) {
  const { lhs_spec: of, rhs_spec: ofKernel, out_spec: ofOut } = p.dimension_numbers;
  const last = ([n, c, h, w]) => [n, h, w, c], [KO, KC, KH, KW] = ofKernel.map((i) => b.shape[i]);
  const [n, H, W, C] = last(of).map((i) => a.shape[i]);
  const shape = last(ofOut).map((i) => out.shape[i]), [, OH, OW] = shape;
  const images = inOrder(a, last(of)), groups = p.feature_group_count || 1, part = KO / groups;
  const kernels = grouped(b, ofKernel, groups);
  const own = stridesOf(out.shape), back = places(shape, last(ofOut).map((i) => own[i]));
  const rows = taps(H, OH, KH, p, 0), columns = taps(W, OW, KW, p, 1);
  const K = KH * KW * KC, z = new Float32Array(count(shape));
  const values = new Float64Array(K), at = new Int32Array(K);
  return () => {
    const x = images(), matrices = kernels();
    for (let place = 0; place < n * OH * OW; place++) {
      const down = rows[Math.floor(place / OW) % OH], along = columns[place % OW];
      const top = Math.floor(place / (OH * OW)) * H;
      for (let g = 0; g < groups; g++) {
        let m = 0;
        for (let i = 0; i < down.length; i += 2) for (let j = 0; j < along.length; j += 2) {
          const from = ((top + down[i + 1]) * W + along[j + 1]) * C + g * KC;
          const tap = (down[i] * KW + along[j]) * KC;
          for (let c = 0; c < KC; c++) {
            const v = x[from + c];
            if (v !== 0) { values[m] = v; at[m++] = (tap + c) * WIDE; }
          }
        }
        times(values, at, m, matrices[g], K, part, z, place * KO + g * part);
      }
    }
    for (let i = 0; i < z.length; i++) out.data[back[i]] = z[i];
  };
}

// The kernels of every group of channels as matrices [height * width * channels, outputs].
function grouped(b, [o, c, h, w], groups) {
  const part = b.shape[o] / groups, own = stridesOf(b.shape);
  const shape = [groups, b.shape[h], b.shape[w], b.shape[c], part];
  const regular = { ...arrayOf(shape, b.dtype), fixed: b.fixed };
  const move = copies(b, regular, places(shape, [part * own[o], own[h], own[w], own[c], own[o]]));
  move();
  const found = packed(regular, [0, 1, 2, 3, 4], groups, count(shape.slice(1, 4)), part);
  return b.fixed ? found : () => { move(); return found(); };
}

// For every place of the result along an axis: tap of the kernel and place in x of those inside.
function taps(size, sizeOut, kernel, p, axis) {
  const [stride, [low]] = [p.window_strides[axis], p.padding[axis]];
  const [hole, spacing] = [p.lhs_dilation, p.rhs_dilation].map((d) => (d ? d[axis] : 1));
  const all = (n, f) => Array.from({ length: n }, (_, i) => f(i));
  return all(sizeOut, (o) => Int32Array.from(
    all(kernel, (k) => [k, (o * stride + k * spacing - low) / hole])
      .filter(([, at]) => Number.isInteger(at) && at >= 0 && at < size).flat()));
}

// ---- By index -----------------------------------------------------------------------------------

// Calls each(place among the indices' rows, place in the window, place in x or -1 outside) for
// XLA's gather and scatter; `shape` is that of what is gathered, or of the updates.
function windows(x, indices, shape, windowAxes, p, each) {
  const d = p.dimension_numbers, own = stridesOf(x.shape);
  const toAxis = d.start_index_map || d.scatter_dims_to_operand_dims;
  const missing = d.collapsed_slice_dims || d.inserted_window_dims;
  const inX = d.operand_batching_dims || [], inIndices = d.start_indices_batching_dims || d.scatter_indices_batching_dims || [];
  const kept = x.shape.map((_, i) => i).filter((i) => !missing.includes(i) && !inX.includes(i));
  const batchAxes = shape.map((_, i) => i).filter((i) => !windowAxes.includes(i));
  const strides = stridesOf(shape), ofIndices = stridesOf(indices.shape), clips = /CLIP/.test(p.mode);
  const sizeOf = (i) => (p.slice_sizes ? p.slice_sizes[i] : kept.includes(i) ? shape[windowAxes[kept.indexOf(i)]] : 1);
  for (let i = 0; i < count(shape); i++) {
    const at = shape.map((s, axis) => Math.floor(i / strides[axis]) % s);
    const row = batchAxes.reduce((sum, axis, j) => sum + at[axis] * ofIndices[j], 0);
    let place = 0, inside = true;
    const start = x.shape.map(() => 0);
    toAxis.forEach((axis, j) => { start[axis] = indices.data[row + j]; });
    inX.forEach((axis, j) => { start[axis] = at[batchAxes[inIndices[j]]]; });
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

const gather = ([x, indices], out, p) => () => {
  const fill = Number(p.fill_value ?? NaN);
  windows(x, indices, out.shape, p.dimension_numbers.offset_dims, p, (i, from) => {
    out.data[i] = from < 0 ? fill : x.data[from];
  });
};

const scatter = (f) => ([x, indices, updates], out, p) => () => {
  out.data.set(x.data);
  windows(x, indices, updates.shape, p.dimension_numbers.update_window_dims, p, (i, to) => {
    if (to >= 0) out.data[to] = f(out.data[to], updates.data[i]);
  });
};

// ---- The steps ----------------------------------------------------------------------------------

const moved = (strides, start) => ([x], out, p) => {
  const own = stridesOf(x.shape);
  return copies(x, out, places(out.shape, strides(own, x, p, out), start ? start(own, x, p) : 0));
};
const same = ([x], out) => { out.data = x.data; };
const sum = (list) => list.reduce((a, b) => a + b, 0);

const OPS = {
  // one operand
  abs: unary(Math.abs), cbrt: unary(Math.cbrt), ceil: unary(Math.ceil), cos: unary(Math.cos),
  erf: unary(erf), erfc: unary((x) => 1 - erf(x)), exp: unary(Math.exp), exp2: unary((x) => 2 ** x),
  expm1: unary(Math.expm1), floor: unary(Math.floor), is_finite: unary(Number.isFinite),
  log: unary(Math.log), log1p: unary(Math.log1p), logistic: unary((x) => 1 / (1 + Math.exp(-x))),
  neg: unary((x) => -x), rsqrt: unary((x) => 1 / Math.sqrt(x)), sign: unary(Math.sign),
  sin: unary(Math.sin), sinh: unary(Math.sinh), cosh: unary(Math.cosh), sqrt: unary(Math.sqrt),
  square: unary((x) => x * x), tan: unary(Math.tan), tanh: unary(Math.tanh),
  not: ([x], out) => unary(x.dtype === "bool" ? (v) => !v : (v) => ~v)([x], out),
  integer_pow: ([x], out, { y }) => unary((v) => v ** y)([x], out),
  round: ([x], out, p) => unary(p.rounding_method === 1 || /EVEN/.test(p.rounding_method) ? even : away)([x], out),
  convert_element_type: ([x], out) => unary(out.dtype === "bool" ? (v) => v !== 0 : (v) => v)([x], out),
  stop_gradient: same, copy: same, reshape: same, squeeze: same, expand_dims: same,
  // two and more
  add: binary((a, b) => a + b), sub: binary((a, b) => a - b), mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b), rem: binary((a, b) => a % b), pow: binary(Math.pow),
  atan2: binary(Math.atan2), max: binary(Math.max), min: binary(Math.min),
  and: binary((a, b) => a & b), or: binary((a, b) => a | b), xor: binary((a, b) => a ^ b),
  eq: binary((a, b) => a === b), ne: binary((a, b) => a !== b), lt: binary((a, b) => a < b),
  le: binary((a, b) => a <= b), gt: binary((a, b) => a > b), ge: binary((a, b) => a >= b),
  select_n: ([which, ...cases], out) => {
    const iw = spread(which, out.shape), from = cases.map((c) => spread(c, out.shape));
    return () => {
      for (let i = 0; i < out.data.length; i++) {
        const chosen = Number(which.data[iw ? iw[i] : i]), at = from[chosen];
        out.data[i] = cases[chosen].data[at ? at[i] : i];
      }
    };
  },
  clamp: ([low, x, high], out) => {
    const [il, ix, ih] = [low, x, high].map((v) => spread(v, out.shape) || places(out.shape, stridesOf(out.shape)));
    return () => {
      for (let i = 0; i < out.data.length; i++) {
        out.data[i] = Math.min(Math.max(x.data[ix[i]], low.data[il[i]]), high.data[ih[i]]);
      }
    };
  },
  // numbers that move
  transpose: moved((own, x, p) => p.permutation.map((axis) => own[axis])),
  rev: moved((own, x, p) => own.map((s, i) => (p.dimensions.includes(i) ? -s : s)),
    (own, x, p) => sum(p.dimensions.map((i) => own[i] * (x.shape[i] - 1)))),
  slice: moved((own, x, p) => own.map((s, i) => s * (p.strides ? p.strides[i] : 1)),
    (own, x, p) => sum(own.map((s, i) => s * p.start_indices[i]))),
  broadcast_in_dim: moved((own, x, p, out) => out.shape.map((_, i) => {
    const axis = p.broadcast_dimensions.indexOf(i);
    return axis < 0 || x.shape[axis] === 1 ? 0 : own[axis];
  })),
  concatenate: (given, out, { dimension }) => {
    const own = stridesOf(out.shape);
    let start = 0;
    const to = given.map((x) => {
      const found = places(x.shape, own, start * own[dimension]);
      start += x.shape[dimension];
      return found;
    });
    return () => given.forEach((x, j) => to[j].forEach((place, i) => { out.data[place] = x.data[i]; }));
  },
  pad: ([x, value], out, { padding_config }) => {
    const own = stridesOf(x.shape), to = stridesOf(out.shape);
    const at = Array.from(x.data, (_, i) => own.map((s, axis) => {
      const [low, , interior] = padding_config[axis];
      return low + (interior + 1) * (Math.floor(i / s) % x.shape[axis]);
    })).map((index) => (index.every((v, axis) => v >= 0 && v < out.shape[axis])
      ? sum(index.map((v, axis) => v * to[axis])) : -1));
    return () => {
      out.data.fill(value.data[0]);
      at.forEach((place, i) => { if (place >= 0) out.data[place] = x.data[i]; });
    };
  },
  iota: (given, out, { dimension }) => {
    const step = stridesOf(out.shape)[dimension];
    return () => { for (let i = 0; i < out.data.length; i++) out.data[i] = Math.floor(i / step) % out.shape[dimension]; };
  },
  dim_as_value: (given, out, { dim }, n) => () => { [out.data[0]] = sizes([dim], n); },
  // along axes
  reduce_sum: reduction((a, b) => a + b, 0), reduce_prod: reduction((a, b) => a * b, 1),
  reduce_max: reduction(Math.max, -Infinity), reduce_min: reduction(Math.min, Infinity),
  reduce_and: reduction((a, b) => a && b, 1), reduce_or: reduction((a, b) => a || b, 0),
  argmax: best((a, b) => a > b), argmin: best((a, b) => a < b),
  cumsum: cumulative((a, b) => a + b), cumprod: cumulative((a, b) => a * b),
  cummax: cumulative(Math.max), cummin: cumulative(Math.min),
  top_k: ([x], out, { k, result }) => ordered(x, x.shape.length - 1, -1, (line, start, step, order) => {
    for (let j = 0; j < k; j++) out.data[line * k + j] = result ? order[j] : x.data[start + order[j] * step];
  }),
  sort: (given, out, { dimension, result = 0 }) => ordered(given[0], dimension, 1, (line, start, step, order) => {
    order.forEach((from, j) => { out.data[start + j * step] = given[result].data[start + from * step]; });
  }),
  // products, and by index
  dot_general: dotGeneral, conv_general_dilated: convolution, gather,
  scatter: scatter((a, b) => b), "scatter-add": scatter((a, b) => a + b),
};

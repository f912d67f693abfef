"use strict";
// The steps by their names, and those that work number by number or along axes.

// ---- Elementwise -------------------------------------------------------------------------------

const unary =
  (f) =>
  ([x], out) =>
  () => {
    for (let i = 0; i < out.data.length; i++) out.data[i] = f(x.data[i]);
  };

const binary =
  (f) =>
  ([a, b], out) => {
    const ia = spread(a, out.shape),
      ib = spread(b, out.shape);
    return () => {
      const x = a.data,
        y = b.data,
        z = out.data;
      for (let i = 0; i < z.length; i++) z[i] = f(x[ia ? ia[i] : i], y[ib ? ib[i] : i]);
    };
  };

// Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const p =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - p * Math.exp(-x * x));
}

const away = (x) => Math.sign(x) * Math.round(Math.abs(x)); // halves away from zero
const even = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

// ---- Along axes --------------------------------------------------------------------------------

const reduction =
  (f, first) =>
  ([x], out, { axes }) => {
    const own = stridesOf(out.shape);
    let axis = 0;
    const to = places(
      x.shape,
      x.shape.map((_, i) => (axes.includes(i) ? 0 : own[axis++])),
    );
    const sums = new Float64Array(out.data.length);
    return () => {
      sums.fill(first);
      for (let i = 0; i < to.length; i++) sums[to[i]] = f(sums[to[i]], x.data[i]);
      out.data.set(sums);
    };
  };

// For every line along an axis: where its first number is, and how far the next.
function lines(shape, axis) {
  const step = stridesOf(shape)[axis],
    rest = shape.map((s, i) => (i === axis ? 1 : s));
  return { step, length: shape[axis], starts: places(rest, stridesOf(shape)) };
}

const best =
  (better) =>
  ([x], out, { axes }) => {
    const { step, length, starts } = lines(x.shape, axes[0]);
    return () =>
      starts.forEach((start, i) => {
        let found = 0;
        for (let j = 1; j < length; j++) {
          if (better(x.data[start + j * step], x.data[start + found * step])) found = j;
        }
        out.data[i] = found;
      });
  };

const cumulative =
  (f) =>
  ([x], out, { axis, reverse }) => {
    const { step, length, starts } = lines(x.shape, axis);
    return () =>
      starts.forEach((start) => {
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
  return () =>
    starts.forEach((start, line) => {
      const value = (j) => x.data[start + j * step];
      write(
        line,
        start,
        step,
        all.slice().sort((a, b) => sign * (value(a) - value(b)) || a - b),
      );
    });
}

// ---- The steps ---------------------------------------------------------------------------------

const moved =
  (strides, start) =>
  ([x], out, p) => {
    const own = stridesOf(x.shape);
    return copies(x, out, places(out.shape, strides(own, x, p, out), start ? start(own, x, p) : 0));
  };
const same = ([x], out) => {
  out.data = x.data;
};
const sum = (list) => list.reduce((a, b) => a + b, 0);

const OPS = {
  // one operand
  abs: unary(Math.abs),
  cbrt: unary(Math.cbrt),
  ceil: unary(Math.ceil),
  cos: unary(Math.cos),
  erf: unary(erf),
  erfc: unary((x) => 1 - erf(x)),
  exp: unary(Math.exp),
  exp2: unary((x) => 2 ** x),
  expm1: unary(Math.expm1),
  floor: unary(Math.floor),
  is_finite: unary(Number.isFinite),
  log: unary(Math.log),
  log1p: unary(Math.log1p),
  logistic: unary((x) => 1 / (1 + Math.exp(-x))),
  neg: unary((x) => -x),
  rsqrt: unary((x) => 1 / Math.sqrt(x)),
  sign: unary(Math.sign),
  sin: unary(Math.sin),
  sinh: unary(Math.sinh),
  cosh: unary(Math.cosh),
  sqrt: unary(Math.sqrt),
  square: unary((x) => x * x),
  tan: unary(Math.tan),
  tanh: unary(Math.tanh),
  not: ([x], out) => unary(x.dtype === "bool" ? (v) => !v : (v) => ~v)([x], out),
  integer_pow: ([x], out, { y }) => unary((v) => v ** y)([x], out),
  round: ([x], out, p) =>
    unary(p.rounding_method === 1 || /EVEN/.test(p.rounding_method) ? even : away)([x], out),
  convert_element_type: ([x], out) =>
    unary(out.dtype === "bool" ? (v) => v !== 0 : (v) => v)([x], out),
  stop_gradient: same,
  copy: same,
  reshape: same,
  squeeze: same,
  expand_dims: same,
  // two and more
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  rem: binary((a, b) => a % b),
  pow: binary(Math.pow),
  atan2: binary(Math.atan2),
  max: binary(Math.max),
  min: binary(Math.min),
  and: binary((a, b) => a & b),
  or: binary((a, b) => a | b),
  xor: binary((a, b) => a ^ b),
  eq: binary((a, b) => a === b),
  ne: binary((a, b) => a !== b),
  lt: binary((a, b) => a < b),
  le: binary((a, b) => a <= b),
  gt: binary((a, b) => a > b),
  ge: binary((a, b) => a >= b),
  select_n: ([which, ...cases], out) => {
    const iw = spread(which, out.shape),
      from = cases.map((c) => spread(c, out.shape));
    return () => {
      for (let i = 0; i < out.data.length; i++) {
        const chosen = Number(which.data[iw ? iw[i] : i]),
          at = from[chosen];
        out.data[i] = cases[chosen].data[at ? at[i] : i];
      }
    };
  },
  clamp: ([low, x, high], out) => {
    const [il, ix, ih] = [low, x, high].map(
      (v) => spread(v, out.shape) || places(out.shape, stridesOf(out.shape)),
    );
    return () => {
      for (let i = 0; i < out.data.length; i++) {
        out.data[i] = Math.min(Math.max(x.data[ix[i]], low.data[il[i]]), high.data[ih[i]]);
      }
    };
  },
  // numbers that move
  transpose: moved((own, x, p) => p.permutation.map((axis) => own[axis])),
  rev: moved(
    (own, x, p) => own.map((s, i) => (p.dimensions.includes(i) ? -s : s)),
    (own, x, p) => sum(p.dimensions.map((i) => own[i] * (x.shape[i] - 1))),
  ),
  slice: moved(
    (own, x, p) => own.map((s, i) => s * (p.strides ? p.strides[i] : 1)),
    (own, x, p) => sum(own.map((s, i) => s * p.start_indices[i])),
  ),
  broadcast_in_dim: moved((own, x, p, out) =>
    out.shape.map((_, i) => {
      const axis = p.broadcast_dimensions.indexOf(i);
      return axis < 0 || x.shape[axis] === 1 ? 0 : own[axis];
    }),
  ),
  concatenate: (given, out, { dimension }) => {
    const own = stridesOf(out.shape);
    let start = 0;
    const to = given.map((x) => {
      const found = places(x.shape, own, start * own[dimension]);
      start += x.shape[dimension];
      return found;
    });
    return () =>
      given.forEach((x, j) =>
        to[j].forEach((place, i) => {
          out.data[place] = x.data[i];
        }),
      );
  },
  pad: ([x, value], out, { padding_config }) => {
    const own = stridesOf(x.shape),
      to = stridesOf(out.shape);
    const at = Array.from(x.data, (_, i) =>
      own.map((s, axis) => {
        const [low, , interior] = padding_config[axis];
        return low + (interior + 1) * (Math.floor(i / s) % x.shape[axis]);
      }),
    ).map((index) =>
      index.every((v, axis) => v >= 0 && v < out.shape[axis])
        ? sum(index.map((v, axis) => v * to[axis]))
        : -1,
    );
    return () => {
      out.data.fill(value.data[0]);
      at.forEach((place, i) => {
        if (place >= 0) out.data[place] = x.data[i];
      });
    };
  },
  iota: (given, out, { dimension }) => {
    const step = stridesOf(out.shape)[dimension];
    return () => {
      for (let i = 0; i < out.data.length; i++)
        out.data[i] = Math.floor(i / step) % out.shape[dimension];
    };
  },
  dim_as_value:
    (given, out, { dim }, n) =>
    () => {
      [out.data[0]] = sizes([dim], n);
    },
  // along axes
  reduce_sum: reduction((a, b) => a + b, 0),
  reduce_prod: reduction((a, b) => a * b, 1),
  reduce_max: reduction(Math.max, -Infinity),
  reduce_min: reduction(Math.min, Infinity),
  reduce_and: reduction((a, b) => a && b, 1),
  reduce_or: reduction((a, b) => a || b, 0),
  argmax: best((a, b) => a > b),
  argmin: best((a, b) => a < b),
  cumsum: cumulative((a, b) => a + b),
  cumprod: cumulative((a, b) => a * b),
  cummax: cumulative(Math.max),
  cummin: cumulative(Math.min),
  top_k: ([x], out, { k, result }) =>
    ordered(x, x.shape.length - 1, -1, (line, start, step, order) => {
      for (let j = 0; j < k; j++)
        out.data[line * k + j] = result ? order[j] : x.data[start + order[j] * step];
    }),
  sort: (given, out, { dimension, result = 0 }) =>
    ordered(given[0], dimension, 1, (line, start, step, order) => {
      order.forEach((from, j) => {
        out.data[start + j * step] = given[result].data[start + from * step];
      });
    }),
  // products, and by index
  dot_general: dotGeneral,
  conv_general_dilated: convolution,
  gather: gathering,
  scatter: scatter((a, b) => b),
  "scatter-add": scatter((a, b) => a + b),
};

"use strict";
// The arithmetic of a traced network: the steps that ae_jax/export/trace.py lists, by their names.
//
//   const f = compiled(graph, weights, 1);  // of one example
//   f(x) -> a typed array that the next call overwrites
//
// An array is {shape, dtype, data}, its data flat in C order. Each entry of OPS (steps.js) takes the
// operands, the result and the parameters of a step, prepares what depends on shapes alone, and
// returns what fills the result; or nothing, where the result is the operand's own data. A step of
// weights and constants alone is computed once.

const KINDS = {
  float32: Float32Array,
  bfloat16: Float32Array,
  float64: Float64Array,
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: Int32Array,
  uint32: Uint32Array,
};

function compiled(graph, weights, n) {
  const known = new Map(),
    program = [];
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

// ---- Arrays -----------------------------------------------------------------------------------

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
  return shape.map((s) =>
    typeof s === "number" ? s : s.split("+").reduce((a, t) => a + term(t), 0),
  );
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
  const found = new Int32Array(count(shape)),
    at = shape.map(() => 0);
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
  const own = stridesOf(x.shape),
    skip = shape.length - x.shape.length;
  const stays = (i) => i < skip || x.shape[i - skip] === 1;
  return places(
    shape,
    shape.map((_, i) => (stays(i) ? 0 : own[i - skip])),
  );
}

// What gives the operand's data with its axes in another order; those of weights are moved once.
function inOrder(x, axes) {
  if (axes.every((axis, i) => axis === i)) return () => x.data;
  const own = stridesOf(x.shape),
    shape = axes.map((axis) => x.shape[axis]);
  const moved = arrayOf(shape, x.dtype);
  const move = copies(
    x,
    moved,
    places(
      shape,
      axes.map((axis) => own[axis]),
    ),
  );
  move();
  return x.fixed
    ? () => moved.data
    : () => {
        move();
        return moved.data;
      };
}

// What fills the result with x.data[from[i]].
const copies = (x, out, from) => () => {
  for (let i = 0; i < from.length; i++) out.data[i] = x.data[from[i]];
};

function rounded(work, out) {
  const bits = new Uint32Array(out.data.buffer);
  return () => {
    work();
    for (let i = 0; i < bits.length; i++)
      bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) & 0xffff0000;
  };
}

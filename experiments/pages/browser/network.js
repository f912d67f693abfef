"use strict";
// A run of the page from its sheet (ae_jax/run/playing.py): weights, functions, examples, codes.

function bytesOf(text) {
  const binary = atob(text),
    bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const floats = (text) => new Float32Array(bytesOf(text).buffer);

function ofHalf(bits) {
  const exponent = (bits >> 10) & 31,
    fraction = bits & 1023,
    sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

// Name -> array of the weights, which are one after the other in one text.
function weightsOf({ data, arrays }) {
  const bytes = bytesOf(data),
    found = new Map();
  let start = 0;
  for (const { name, shape, dtype, stored } of arrays) {
    const Kind = stored === "float16" ? Uint16Array : KINDS[stored];
    const stop = start + count(shape) * Kind.BYTES_PER_ELEMENT,
      values = new Kind(bytes.slice(start, stop).buffer);
    found.set(name, {
      shape,
      dtype,
      data: stored === "float16" ? Float32Array.from(values, ofHalf) : values,
    });
    start = stop;
  }
  return found;
}

// A run of the page: what it is, and its functions of one example.
function opened(sheet) {
  const weights = weightsOf(sheet.weights),
    size = count(sheet.shape);
  const encoder = compiled(sheet.encode, weights, 1),
    decoder = compiled(sheet.decode, weights, 1);
  const C = sheet.shape[2],
    named = sheet.columns && sheet.kind === "signal";
  const names = named
    ? sheet.columns.map((c) => c.name)
    : Array.from({ length: C }, (_, i) => `channel ${i}`);
  const run = {
    ...sheet,
    size,
    names,
    named: Boolean(sheet.columns),
    labels: sheet.examples_labels,
    className: (i) => (sheet.class_names ? sheet.class_names[i] : String(i)),
    columns:
      sheet.columns ||
      names.map((_, i) => ({ name: `column ${i}`, kind: "number", categories: [] })),
    shift: sheet.shift || new Array(C).fill(0),
    spread: sheet.spread || new Array(C).fill(1),
    encode: (x) => Float32Array.from(encoder(x)),
    decode: (z, label) => Float32Array.from(decoder(z, ...(sheet.classes ? [[label]] : []))),
    // Squared errors over what was observed, as `Run.score`.
    score: (x, y) => x.reduce((sum, v, i) => sum + (Number.isNaN(v) ? 0 : (v - y[i]) ** 2), 0),
  };
  const { mean, vectors, low, high, deviations, shares, points } = sheet.codes;
  const cut = (all, width) =>
    Array.from({ length: all.length / width }, (_, i) => all.slice(i * width, (i + 1) * width));
  const table = (text, width) => cut(floats(text), width);
  run.axes = {
    mean: floats(mean),
    vectors: table(vectors, sheet.code_size),
    shares,
    low: floats(low),
    high: floats(high),
    deviations: floats(deviations),
  };
  run.points = table(points, run.axes.vectors.length || 1);
  run.points_labels = sheet.codes.points_labels;
  const bytes = bytesOf(sheet.examples.data);
  const all =
    sheet.examples.dtype === "uint8"
      ? Float32Array.from(bytes, (v) => v / 255)
      : new Float32Array(bytes.buffer);
  run.examples = cut(all, size);
  return run;
}

"use strict";
// The steps that multiply and add: dot_general and conv_general_dilated.

// A row of numbers times a matrix [K, N], four columns at a time. Of the row there are the m numbers
// that are not 0 (most of a drawing is black), and WIDE times their places.
const WIDE = 4;

function times(values, at, m, matrix, K, N, z, to) {
  for (let j = 0; j < N; j += WIDE) {
    const block = j * K,
      p = to + j,
      left = N - j;
    let a = 0,
      b = 0,
      c = 0,
      d = 0;
    for (let i = 0; i < m; i++) {
      const v = values[i],
        w = block + at[i];
      a += v * matrix[w];
      b += v * matrix[w + 1];
      c += v * matrix[w + 2];
      d += v * matrix[w + 3];
    }
    z[p] = a;
    if (left > 1) z[p + 1] = b;
    if (left > 2) z[p + 2] = c;
    if (left > 3) z[p + 3] = d;
  }
}

// What gives B matrices [K, N] as `times` reads them: [N / WIDE, K, WIDE]. Weights are packed once.
function packed(x, axes, B, K, N) {
  const own = stridesOf(x.shape),
    blocks = Math.ceil(N / WIDE);
  const from = places(
    axes.map((axis) => x.shape[axis]),
    axes.map((axis) => own[axis]),
  );
  const matrices = Array.from({ length: B }, () => new Float64Array(blocks * K * WIDE));
  const pack = () => {
    for (let i = 0; i < from.length; i++) {
      const j = i % N,
        k = Math.floor(i / N) % K;
      matrices[Math.floor(i / (K * N))][(j - (j % WIDE)) * K + k * WIDE + (j % WIDE)] =
        x.data[from[i]];
    }
  };
  pack();
  return x.fixed
    ? () => matrices
    : () => {
        pack();
        return matrices;
      };
}

function dotGeneral([a, b], out, { dimension_numbers: [[ca, cb], [ba, bb]] }) {
  const others = (x, taken) => x.shape.map((_, i) => i).filter((i) => !taken.includes(i));
  const fa = others(a, [...ca, ...ba]),
    fb = others(b, [...cb, ...bb]);
  const [B, M, K, N] = [
    [a, ba],
    [a, fa],
    [a, ca],
    [b, fb],
  ].map(([x, axes]) => count(axes.map((axis) => x.shape[axis])));
  const left = inOrder(a, [...ba, ...fa, ...ca]);
  const values = new Float64Array(K),
    at = new Int32Array(K);
  const right = packed(b, [...bb, ...cb, ...fb], B, K, N);
  return () => {
    const x = left(),
      matrices = right();
    for (let r = 0; r < B * M; r++) {
      let m = 0;
      for (let k = 0; k < K; k++) {
        const v = x[r * K + k];
        if (v !== 0) {
          values[m] = v;
          at[m++] = k * WIDE;
        }
      }
      times(values, at, m, matrices[Math.floor(r / M)], K, N, out.data, r * N);
    }
  };
}

function convolution([a, b], out, p) {
  const { lhs_spec: of, rhs_spec: ofKernel, out_spec: ofOut } = p.dimension_numbers;
  const last = ([n, c, h, w]) => [n, h, w, c],
    [KO, KC, KH, KW] = ofKernel.map((i) => b.shape[i]);
  const [n, H, W, C] = last(of).map((i) => a.shape[i]);
  const shape = last(ofOut).map((i) => out.shape[i]),
    [, OH, OW] = shape;
  const images = inOrder(a, last(of)),
    groups = p.feature_group_count || 1,
    part = KO / groups;
  const kernels = grouped(b, ofKernel, groups);
  const own = stridesOf(out.shape),
    back = places(
      shape,
      last(ofOut).map((i) => own[i]),
    );
  const rows = taps(H, OH, KH, p, 0),
    columns = taps(W, OW, KW, p, 1);
  const K = KH * KW * KC,
    z = new Float32Array(count(shape));
  const values = new Float64Array(K),
    at = new Int32Array(K);
  return () => {
    const x = images(),
      matrices = kernels();
    for (let place = 0; place < n * OH * OW; place++) {
      const down = rows[Math.floor(place / OW) % OH],
        along = columns[place % OW];
      const top = Math.floor(place / (OH * OW)) * H;
      for (let g = 0; g < groups; g++) {
        let m = 0;
        for (let i = 0; i < down.length; i += 2)
          for (let j = 0; j < along.length; j += 2) {
            const from = ((top + down[i + 1]) * W + along[j + 1]) * C + g * KC;
            const tap = (down[i] * KW + along[j]) * KC;
            for (let c = 0; c < KC; c++) {
              const v = x[from + c];
              if (v !== 0) {
                values[m] = v;
                at[m++] = (tap + c) * WIDE;
              }
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
  const part = b.shape[o] / groups,
    own = stridesOf(b.shape);
  const shape = [groups, b.shape[h], b.shape[w], b.shape[c], part];
  const regular = { ...arrayOf(shape, b.dtype), fixed: b.fixed };
  const move = copies(b, regular, places(shape, [part * own[o], own[h], own[w], own[c], own[o]]));
  move();
  const found = packed(regular, [0, 1, 2, 3, 4], groups, count(shape.slice(1, 4)), part);
  return b.fixed
    ? found
    : () => {
        move();
        return found();
      };
}

// For every place of the result along an axis: tap of the kernel and place in x of those inside.
function taps(size, sizeOut, kernel, p, axis) {
  const [stride, [low]] = [p.window_strides[axis], p.padding[axis]];
  const [hole, spacing] = [p.lhs_dilation, p.rhs_dilation].map((d) => (d ? d[axis] : 1));
  const all = (n, f) => Array.from({ length: n }, (_, i) => f(i));
  return all(sizeOut, (o) =>
    Int32Array.from(
      all(kernel, (k) => [k, (o * stride + k * spacing - low) / hole])
        .filter(([, at]) => Number.isInteger(at) && at >= 0 && at < size)
        .flat(),
    ),
  );
}

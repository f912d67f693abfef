"use strict";
// The corruptions of ae_jax/model/corruption.py that are simple: those that are not here have no
// slider. Each has the option that the slider sets, how far it goes, its names, and
// `of(x, level, random, run)`, which gives x~ in the network's scale.

// Numbers in [0, 1), the same ones for the same seed (mulberry32).
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const normal = (random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

// A column is hidden whole: a category has several channels.
function hidden(x, level, random, { layout }) {
  const widths = layout.length ? layout.map((w) => Math.max(w, 1)) : x.map(() => 1);
  const found = Float32Array.from(x);
  let start = 0;
  while (start < x.length) {
    for (const width of layout.length ? widths : [1]) {
      if (random() < level) found.fill(NaN, start, start + width);
      start += width;
    }
  }
  return found;
}

function painted(x, size, random, { shape: [H, W, C], bounds: [low, high], options }) {
  const top = Math.floor(random() * (Math.max(H - size, 0) + 1));
  const left = Math.floor(random() * (Math.max(W - size, 0) + 1));
  const level = low + options.level * (high - low);
  return x.map((v, i) => {
    const row = Math.floor(i / (W * C)) - top,
      column = (Math.floor(i / C) % W) - left;
    return row >= 0 && row < size && column >= 0 && column < size ? level : v;
  });
}

const CORRUPTIONS = {
  mask: {
    option: "rate",
    most: () => 1,
    called: "share masked",
    says: "pixels or numbers set to 0",
    of: (x, rate, random) => x.map((v) => (random() < rate ? 0 : v)),
  },
  hide: {
    option: "rate",
    most: () => 1,
    called: "share hidden",
    says: "columns or pixels not shown",
    of: hidden,
  },
  dropout: {
    option: "rate",
    most: () => 0.95,
    called: "share dropped",
    says: "dropped to 0, the others enlarged",
    of: (x, rate, random) => x.map((v) => (random() < rate ? 0 : v / (1 - rate))),
  },
  gaussian: {
    option: "sigma",
    most: (level) => Math.max(1, 2 * level),
    called: "deviation of noise",
    says: "normal noise added",
    of: (x, sigma, random) => x.map((v) => v + sigma * normal(random)),
  },
  salt_and_pepper: {
    option: "rate",
    most: () => 1,
    called: "share replaced",
    says: "pixels turned black or white",
    of: (x, rate, random, { bounds: [low, high] }) =>
      x.map((v) => {
        const u = random();
        return u < rate / 2 ? low : u < rate ? high : v;
      }),
  },
  box: {
    option: "size",
    most: (level, [H, W]) => Math.max(H, W),
    step: 1,
    called: "width of the box",
    says: "a box painted over",
    of: painted,
  },
};

// x~ of an example in the units of the page: images in [0,1]; what was not observed stays so.
function corrupted(x, level, seed, run) {
  const [low, high] = run.bounds,
    random = randomOf(seed);
  const inside = Float32Array.from(x, (v) => v * (high - low) + low);
  const noisy = CORRUPTIONS[run.corruption].of(inside, level, random, run);
  return Float32Array.from(noisy, (v, i) => (Number.isNaN(x[i]) ? NaN : (v - low) / (high - low)));
}

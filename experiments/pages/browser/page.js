"use strict";
// The page: what is drawn goes through the network, and the code that comes out is walked on from.
// Nothing is computed more than once a frame.

function bytesOf(text) {
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const floats = (text) => new Float32Array(bytesOf(text).buffer);

function ofHalf(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

// Name -> array of the weights, which are one after the other in one text.
function weightsOf({ data, arrays }) {
  const bytes = bytesOf(data), found = new Map();
  let start = 0;
  for (const { name, shape, dtype, stored } of arrays) {
    const Kind = stored === "float16" ? Uint16Array : KINDS[stored], stop = start + count(shape) * Kind.BYTES_PER_ELEMENT;
    const values = new Kind(bytes.slice(start, stop).buffer);
    found.set(name, { shape, dtype, data: stored === "float16" ? Float32Array.from(values, ofHalf) : values });
    start = stop;
  }
  return found;
}

// A run of the page: what it is, and its functions of one example.
function opened(sheet) {
  const weights = weightsOf(sheet.weights), size = count(sheet.shape);
  const encoder = compiled(sheet.encode, weights, 1), decoder = compiled(sheet.decode, weights, 1);
  const C = sheet.shape[2], names = sheet.columns && sheet.kind === "signal" ? sheet.columns.map((c) => c.name) : Array.from({ length: C }, (_, i) => `channel ${i}`);
  const run = {
    ...sheet, size, names, named: Boolean(sheet.columns), says: () => {},
    columns: sheet.columns || names.map((_, i) => ({ name: `column ${i}`, kind: "number", categories: [] })),
    shift: sheet.shift || new Array(C).fill(0), spread: sheet.spread || new Array(C).fill(1),
    encode: (x) => Float32Array.from(encoder(x)),
    decode: (z, label) => Float32Array.from(decoder(z, ...(sheet.classes ? [[label]] : []))),
    // Squared errors over what was observed, as `Run.score`.
    score: (x, y) => x.reduce((sum, v, i) => sum + (Number.isNaN(v) ? 0 : (v - y[i]) ** 2), 0),
  };
  const { mean, vectors, low, high, deviations, shares, points } = sheet.codes;
  const table = (text, width) => { const all = floats(text); return Array.from({ length: all.length / width }, (_, i) => all.subarray(i * width, (i + 1) * width)); };
  run.axes = { mean: floats(mean), vectors: table(vectors, sheet.code_size), low: floats(low), high: floats(high), deviations: floats(deviations), shares };
  run.points = table(points, run.axes.vectors.length || 1);
  run.points_labels = sheet.codes.points_labels;
  const bytes = bytesOf(sheet.examples.data);
  const all = sheet.examples.dtype === "uint8" ? Float32Array.from(bytes, (v) => v / 255) : new Float32Array(bytes.buffer);
  run.examples = Array.from({ length: all.length / size }, (_, i) => all.slice(i * size, (i + 1) * size));
  return run;
}

function main() {
  const run = opened(JSON.parse(byId("run").textContent)), kind = EDITORS[run.kind];
  document.body.classList.add(run.kind);
  if (run.kind !== "image") document.body.classList.add("wide");
  const empty = run.start ? floats(run.start) : new Float32Array(run.size);
  const state = { x: Float32Array.from(run.examples[0] || empty), z: null, y: null, label: run.examples_labels?.[0] || 0, seed: 1 };
  const due = new Set();
  const box = (id) => byId(id).querySelector(".shows");

  // ---- What is done once a frame ----
  const ask = (what) => {
    if (!due.size) requestAnimationFrame(update);
    due.add(what);
  };
  function update() {
    const begun = performance.now();
    if (due.has("input")) {
      state.z = run.encode(state.x);
      state.y = run.decode(state.z, state.label);
      showInput();
    }
    if (due.has("input") || due.has("noise")) showNoise();
    state.decoded = due.has("input") ? state.y : run.decode(state.z, state.label);
    showCode();
    due.clear();
    state.took = performance.now() - begun;
    byId("speed").textContent = `The network ran in this page: ${state.took.toFixed(1)} ms for the last change.`;
  }

  let later = 0;
  run.says = (text, trouble) => {
    clearTimeout(later);
    later = setTimeout(() => { byId("said").textContent = text; }, 300);
    if (trouble) { byId("trouble").textContent = text; byId("trouble").hidden = false; }
  };

  // ---- Input ----
  const showEditor = kind.edit(run, state.x, () => ask("input"));
  function showInput() {
    const { x, y, z } = state, score = run.score(x, y), t = run.threshold;
    showEditor(y);
    if (byId("reconstruction")) kind.show(run, box("reconstruction"), y, "reconstruction");
    if (byId("error")) kind.error(run, box("error"), x, y);
    const svg = box("code").querySelector("svg") || box("code").appendChild(element("svg"));
    const most = Math.max(...z.map(Math.abs), 1e-9);
    barChart(svg, z, most, `code of ${z.length} numbers, from ${shown(Math.min(...z))} to ${shown(Math.max(...z))}`);
    byId("score").classList.toggle("strange", Boolean(t) && score > t.score);
    const [b, said] = byId("score").children;
    b.textContent = `anomaly score ${shown(score)}`;
    const side = t && (score > t.score ? "above" : "below");
    said.textContent = t ? `${side} the threshold ${shown(t.score)}, which ${shown(100 * t.false_alarms)} % of ordinary examples exceed` : run.no_threshold;
    byId("score").querySelector(".meter").hidden = !t;
    if (t) {
      byId("score").querySelector("i").style.width = `${Math.min(100, (50 * score) / t.score)}%`;
      byId("score").querySelector("s").style.left = "50%";
    }
    run.says(`${b.textContent} ${said.textContent}`);
  }
  byId("clear").addEventListener("click", () => { state.x.set(empty); ask("input"); });

  // ---- Noise ----
  const noise = CORRUPTIONS[run.corruption], level = byId("level");
  if (noise) {
    const trained = run.options[noise.option];
    setSlider("level", 0, noise.most(trained, run.shape), trained, noise.step);
    byId("level").previousSibling.textContent = noise.called;
    byId("corrupted").lastChild.textContent = `corrupted: ${noise.says}`;
    level.addEventListener("input", () => ask("noise"));
    byId("again").addEventListener("click", () => { state.seed += 1; ask("noise"); });
  } else {
    byId("noise").hidden = true;
    if (run.corruption !== "none") {
      byId("no-noise").hidden = false;
      byId("no-noise").textContent = `It was trained with the corruption '${run.corruption}', which this page does not have.`;
    }
  }
  function showNoise() {
    if (!noise) return;
    const noisy = corrupted(state.x, Number(level.value), state.seed, run);
    state.denoised = run.decode(run.encode(noisy), state.label);
    level.nextSibling.value = shown(Number(level.value));
    kind.show(run, box("corrupted"), noisy, "input with noise");
    kind.show(run, box("denoised"), state.denoised, "denoised");
  }

  // ---- Codes ----
  const { mean, vectors, low, high, deviations, shares } = run.axes;
  const along = (z, j) => vectors[j].reduce((sum, v, i) => sum + v * (z[i] - mean[i]), 0);
  const setAlong = (j, value) => {
    const step = value - along(state.z, j);
    state.z = state.z.map((v, i) => v + step * vectors[j][i]);
  };
  const sliders = vectors.map((_, j) => {
    const id = `direction-${j}`, span = (high[j] - low[j]) / 4 || 1;
    const part = shares ? ` (${Math.round(100 * shares[j])} %)` : "";
    const made = element("label", { class: "slider", for: id }, element("span", {}, `direction ${j + 1}${part}`),
      element("input", { id, type: "range" }), element("output", { for: id }));
    const place = j < 8 ? byId("directions") : byId("more") || byId("directions").appendChild(element("details", { id: "more" }, element("summary", {}, `more (${vectors.length - 8})`)));
    place.append(made);
    setSlider(id, low[j] - span, high[j] + span, 0);
    byId(id).addEventListener("input", (event) => { setAlong(j, Number(event.target.value)); ask("code"); });
    return byId(id);
  });
  const map = run.points.length || vectors.length > 1 ? mapOf(run, state, setAlong, () => ask("code")) : null;
  byId("plane-section").hidden = vectors.length < 2;
  function showCode() {
    kind.show(run, box("decoded"), state.decoded, "what the code is decoded to");
    const places = vectors.map((_, j) => along(state.z, j));
    sliders.forEach((slider, j) => {
      if (slider !== document.activeElement || !slider.matches(":active")) slider.value = places[j];
      slider.nextSibling.value = shown(places[j]);
    });
    if (map && vectors.length > 1) map(places, state.decoded);
  }
  byId("back").addEventListener("click", () => { state.z = run.encode(state.x); ask("code"); });
  byId("sample").addEventListener("click", () => {
    const random = randomOf((state.seed = (state.seed * 7919 + 17) >>> 0));
    state.z = run.prior ? state.z.map(() => normal(random) * Math.sqrt(run.prior)) : mean.slice();
    if (!run.prior) vectors.forEach((v, j) => { const e = normal(random) * deviations[j]; state.z = state.z.map((old, i) => old + e * v[i]); });
    ask("code");
  });

  // ---- Classes and examples ----
  const className = (i) => (run.class_names ? run.class_names[i] : String(i));
  if (run.classes) {
    byId("class").append(...Array.from({ length: run.classes }, (_, i) => element("option", { value: i }, className(i))));
    byId("class").value = state.label;
    byId("class").addEventListener("change", (event) => { state.label = Number(event.target.value); ask("input"); });
  }
  const buttons = (place, choose) => run.examples.map((x, i) => {
    const label = run.examples_labels ? className(run.examples_labels[i]) : "";
    const made = element("button", { type: "button", "aria-pressed": "false", "aria-label": `example ${i + 1}${label && `, ${label}`}` });
    if (run.kind !== "rows") kind.show(run, made, x, "");
    made.append(element("span", {}, run.kind === "rows" ? `${i + 1}${label && `: ${label}`}` : label));
    made.addEventListener("click", () => choose(i, made));
    place.append(made);
    return made;
  });
  if (run.examples.length) {
    byId("examples").hidden = byId("between-section").hidden = false;
    buttons(byId("examples").querySelector(".examples"), (i) => {
      state.x.set(run.examples[i]);
      if (run.classes && run.examples_labels) byId("class").value = state.label = run.examples_labels[i];
      ask("input");
    });
    between(run, kind, state, buttons, () => ask("code"));
  }
  ask("input");
  return { run, state, frame: () => { due.add("input"); update(); } };
}

function setSlider(id, min, max, value, step = "any") {
  Object.assign(byId(id), { min, max, step });
  byId(id).value = value;
  byId(id).nextSibling.value = shown(Number(value));
}

// The line between the codes of two examples, and pictures of nine places on it.
function between(run, kind, state, buttons, changed) {
  const pair = [0, Math.min(1, run.examples.length - 1)], codes = run.examples.map(() => null), slider = byId("part");
  const code = (i) => (codes[i] ||= run.encode(run.examples[i]));
  const at = (t) => code(pair[0]).map((a, i) => (1 - t) * a + t * code(pair[1])[i]);
  const strip = run.kind === "rows" ? [] : Array.from({ length: 9 }, () => byId("strip").appendChild(element("figure")));
  const all = buttons(byId("between-section").querySelector(".examples"), (i) => {
    pair.shift();
    pair.push(i);
    show();
    walk();
  });
  const show = () => {
    all.forEach((b, i) => b.setAttribute("aria-pressed", pair.includes(i)));
    strip.forEach((figure, s) => kind.show(run, figure, run.decode(at(s / 8), state.label), `decoded at ${s} of 8 steps`));
  };
  const walk = () => {
    slider.nextSibling.value = shown(Number(slider.value));
    state.z = at(Number(slider.value));
    changed();
  };
  setSlider("part", 0, 1, 0.5);
  slider.addEventListener("input", walk);
  if (run.classes) byId("class").addEventListener("change", show);
  show();
}

// The map: points of the examples, the code that is shown, and what it is decoded to beside it.
function mapOf(run, state, setAlong, changed) {
  const svg = byId("map"), { low, high, vectors } = run.axes, side = 400, axes = [byId("across"), byId("up")];
  const label = (j) => `direction ${j + 1}`;
  axes.forEach((select, i) => {
    select.append(...vectors.map((_, j) => element("option", { value: j }, label(j))));
    select.value = Math.min(i, vectors.length - 1);
    select.addEventListener("change", () => { draw(); changed(); });
  });
  const chosen = () => axes.map((select) => Number(select.value));
  const range = (j) => { const room = (high[j] - low[j]) * 0.15 || 1; return [low[j] - room, high[j] + room]; };
  const place = (j, v, up) => { const [a, b] = range(j), t = Math.min(1, Math.max(0, (v - a) / (b - a))); return side * (up ? 1 - t : t); };
  const marker = element("circle", { class: "marker", r: 8 }), labels = run.points_labels;
  function draw() {
    const [j, k] = chosen();
    svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
    svg.setAttribute("aria-label", `map of ${label(j)} to the right and ${label(k)} up; arrow keys move the code`);
    svg.replaceChildren(...run.points.map((p, i) => element("circle", { class: "dot", r: 3, cx: place(j, p[j]).toFixed(1),
      cy: place(k, p[k], true).toFixed(1), fill: labels ? COLORS[labels[i] % COLORS.length] : "var(--them)" })), marker);
  }
  draw();
  if (labels) {
    byId("legend").append(...[...new Set(labels)].sort((a, b) => a - b).map((c) => element("span", {},
      element("i", { style: `background:${COLORS[c % COLORS.length]}` }), run.class_names ? run.class_names[c] : String(c))));
  }
  const go = (values) => { chosen().forEach((j, i) => setAlong(j, values[i])); changed(); };
  const walk = (event) => {
    const r = svg.getBoundingClientRect(), [j, k] = chosen(), [a, b] = range(j), [c, d] = range(k);
    const inside = (v) => Math.min(1, Math.max(0, v));
    go([a + inside((event.clientX - r.left) / r.width) * (b - a), d - inside((event.clientY - r.top) / r.height) * (d - c)]);
  };
  svg.addEventListener("pointermove", walk);
  svg.addEventListener("pointerdown", (event) => { if (event.isTrusted) svg.setPointerCapture(event.pointerId); walk(event); });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    go(chosen().map((j, i) => state.places[j] + (step[i] * (range(j)[1] - range(j)[0])) / 40));
    run.says(chosen().map((j) => `${label(j)} ${shown(state.places[j])}`).join(", "));
  });
  return (places, decoded) => {
    state.places = places;
    const [j, k] = chosen(), [x, y] = [place(j, places[j]), place(k, places[k], true)], here = byId("here");
    marker.setAttribute("cx", x);
    marker.setAttribute("cy", y);
    if (run.kind !== "rows") EDITORS[run.kind].show(run, here, decoded, "");
    const right = x > side / 2, low = y > side / 2;
    here.style.cssText = `${right ? "right" : "left"}:${(100 * (right ? side - x : x)) / side + 4}%;${low ? "bottom" : "top"}:${(100 * (low ? side - y : y)) / side + 4}%`;
  };
}

const THEMES = ["system", "light", "dark"];
byId("theme").addEventListener("click", ({ currentTarget: button }) => {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.colors || "system") + 1) % 3];
  if (next === "system") delete document.documentElement.dataset.colors;
  else document.documentElement.dataset.colors = next;
  button.textContent = `colors: ${next}`;
  button.setAttribute("aria-label", `colors: as the ${next === "system" ? "system" : `${next} page`}`);
});

let playground = null;
try {
  playground = main();
} catch (error) {
  byId("trouble").textContent = `The network cannot run here: ${error.message}`;
  byId("trouble").hidden = false;
}

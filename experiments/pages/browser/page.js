"use strict";
// The page: what is drawn goes through the network, and the code that comes out is walked on from.
// Controls change the state and ask for a frame; nothing is computed more than once a frame.

const box = (id) => byId(id).querySelector(".shows");

function main() {
  const run = opened(JSON.parse(byId("run").textContent)),
    due = new Set();
  const empty = run.start ? floats(run.start) : new Float32Array(run.size);
  const p = { run, kind: EDITORS[run.kind], empty, says };
  p.state = {
    x: Float32Array.from(run.examples[0] || empty),
    label: run.labels?.[0] || 0,
    seed: 1,
  };
  p.ask = (what) => {
    if (!due.size) requestAnimationFrame(p.frame);
    due.add(what);
  };
  document.body.classList.add(run.kind);
  if (run.kind !== "image") document.body.classList.add("wide");
  controls(p);
  const showInput = inputOf(p),
    showNoise = noiseOf(p),
    showCode = codeOf(p);
  p.frame = () => {
    const begun = performance.now(),
      { state } = p,
      fresh = due.has("input");
    if (fresh) {
      state.z = run.encode(state.x);
      state.y = run.decode(state.z, state.label);
      showInput();
    }
    if (fresh || due.has("noise")) showNoise();
    state.decoded = fresh ? state.y : run.decode(state.z, state.label);
    showCode();
    due.clear();
    const took = (performance.now() - begun).toFixed(1);
    byId("speed").textContent = `The network ran in this page: ${took} ms for the last change.`;
  };
  p.ask("input");
  return p;
}

// What a screen reader is told, once nothing has changed for a moment; trouble is seen as well.
let later = 0;
function says(text, trouble = false) {
  clearTimeout(later);
  later = setTimeout(() => {
    byId("said").textContent = text;
  }, 300);
  if (trouble) byId("trouble").textContent = text;
  byId("trouble").hidden = !trouble;
}

// The controls that all kinds of examples have.
function controls(p) {
  const { run, state } = p,
    select = byId("class");
  byId("clear").addEventListener("click", () => {
    state.x.set(p.empty);
    p.ask("input");
  });
  if (select) {
    const classes = Array.from({ length: run.classes }, (_, i) => i);
    select.append(...classes.map((i) => element("option", { value: i }, run.className(i))));
    select.value = state.label;
    select.addEventListener("change", () => {
      state.label = Number(select.value);
      p.ask("input");
    });
  }
  if (!run.examples.length) return;
  byId("examples").hidden = byId("between-section").hidden = false;
  exampleButtons(p, byId("examples").querySelector(".examples"), (i) => {
    state.x.set(run.examples[i]);
    if (select && run.labels) select.value = state.label = run.labels[i];
    p.ask("input");
  });
  between(p);
}

// A button for each example.
function exampleButtons({ run, kind }, place, choose) {
  return run.examples.map((x, i) => {
    const label = run.labels ? run.className(run.labels[i]) : "",
      named = label && `, ${label}`;
    const button = element("button", {
      type: "button",
      "aria-pressed": "false",
      "aria-label": `example ${i + 1}${named}`,
    });
    if (run.kind === "rows") button.append(`${i + 1}${label && `: ${label}`}`);
    else {
      kind.show(run, button, x, "");
      button.append(element("span", {}, label));
    }
    button.addEventListener("click", () => choose(i));
    place.append(button);
    return button;
  });
}

// ---- What is shown of the input -----------------------------------------------------------------

function inputOf(p) {
  const { run, kind, state } = p,
    showEditor = kind.edit(run, state.x, () => p.ask("input"), says);
  const chart = box("code").appendChild(element("svg"));
  return () => {
    const { x, y, z } = state;
    showEditor(y);
    if (byId("reconstruction")) kind.show(run, box("reconstruction"), y, "reconstruction");
    if (byId("error")) kind.error(run, box("error"), x, y);
    const [least, most] = [Math.min(...z), Math.max(...z)];
    const label = `code of ${z.length} numbers, from ${shown(least)} to ${shown(most)}`;
    barChart(chart, z, Math.max(-least, most, 1e-9), label);
    showScore(run, run.score(x, y));
  };
}

function showScore(run, score) {
  const t = run.threshold,
    place = byId("score"),
    [number, said, meter] = place.children;
  const strange = Boolean(t) && score > t.score;
  place.classList.toggle("strange", strange);
  number.textContent = `anomaly score ${shown(score)}`;
  said.textContent = run.no_threshold;
  meter.hidden = !t;
  if (t) {
    const rate = `${shown(100 * t.false_alarms)} % of ordinary examples exceed`;
    said.textContent = `${strange ? "above" : "below"} the threshold ${shown(t.score)}, which ${rate}`;
    meter.firstChild.style.width = `${Math.min(100, (50 * score) / t.score)}%`;
    meter.lastChild.style.left = "50%";
  }
  says(`${number.textContent} ${said.textContent}`);
}

function noiseOf(p) {
  const { run, kind, state } = p,
    noise = CORRUPTIONS[run.corruption],
    level = byId("level");
  if (!noise) {
    byId("noise").hidden = true;
    byId("no-noise").hidden = run.corruption === "none";
    byId("no-noise").textContent =
      `It was trained with the corruption '${run.corruption}', which this page does not have.`;
    return () => {};
  }
  const trained = run.options[noise.option];
  setSlider("level", 0, noise.most(trained, run.shape), trained, noise.step);
  level.previousSibling.textContent = noise.called;
  byId("corrupted").lastChild.textContent = `corrupted: ${noise.says}`;
  level.addEventListener("input", () => p.ask("noise"));
  byId("again").addEventListener("click", () => {
    state.seed += 1;
    p.ask("noise");
  });
  return () => {
    const noisy = corrupted(state.x, Number(level.value), state.seed, run);
    state.denoised = run.decode(run.encode(noisy), state.label);
    level.nextSibling.value = shown(Number(level.value));
    kind.show(run, box("corrupted"), noisy, "corrupted input");
    kind.show(run, box("denoised"), state.denoised, "denoised");
  };
}

function codeOf(p) {
  const { run, kind, state } = p,
    showSliders = slidersOf(p),
    plane = run.axes.vectors.length > 1;
  byId("plane-section").hidden = !plane;
  const showMap = plane ? mapOf(p) : () => {};
  byId("back").addEventListener("click", () => {
    state.z = run.encode(state.x);
    p.ask("code");
  });
  byId("sample").addEventListener("click", () => {
    state.z = drawn(p);
    p.ask("code");
  });
  return () => {
    const places = run.axes.vectors.map((_, j) => along(run.axes, state.z, j));
    kind.show(run, box("decoded"), state.decoded, "what the code is decoded to");
    showSliders(places);
    showMap(places, state.decoded);
  };
}

// ---- Light and dark -----------------------------------------------------------------------------

const THEMES = ["system", "light", "dark"];

byId("theme").addEventListener("click", ({ currentTarget: button }) => {
  const { dataset } = document.documentElement;
  const next = THEMES[(THEMES.indexOf(dataset.colors || "system") + 1) % THEMES.length];
  if (next === "system") delete dataset.colors;
  else dataset.colors = next;
  button.textContent = `colors: ${next}`;
});

let playground = null;
try {
  playground = main();
} catch (error) {
  says(`The network cannot run here: ${error.message}`, true);
}

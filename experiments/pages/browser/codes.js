"use strict";
// Three ways to another code: sliders along the principal directions, a map of two of them, and the
// line between two examples. Each takes the page `p` of page.js, sets p.state.z, and asks for a frame.

// Coordinates of a code along the directions, and the code that has another one of them.
const along = ({ mean, vectors }, z, j) =>
  vectors[j].reduce((sum, v, i) => sum + v * (z[i] - mean[i]), 0);

function setAlong({ run, state }, j, value) {
  const step = value - along(run.axes, state.z, j);
  state.z = state.z.map((v, i) => v + step * run.axes.vectors[j][i]);
}

function setSlider(id, min, max, value, step = "any") {
  Object.assign(byId(id), { min, max, step });
  byId(id).value = value;
  byId(id).nextSibling.value = shown(Number(value));
}

// ---- Sliders ------------------------------------------------------------------------------------

const FIRST = 8; // the others are shown on a click

// Makes the sliders; returns what shows the code.
function slidersOf(p) {
  const { low, high, shares, vectors } = p.run.axes,
    place = byId("directions");
  const more = element("details", {}, element("summary", {}, `more (${vectors.length - FIRST})`));
  const sliders = vectors.map((_, j) => {
    const id = `direction-${j}`,
      room = (high[j] - low[j]) / 4 || 1;
    const name = `direction ${j + 1} (${Math.round(100 * shares[j])} %)`;
    const input = element("input", { id, type: "range" });
    const label = element("label", { class: "slider", for: id });
    label.append(element("span", {}, name), input, element("output", { for: id }));
    (j < FIRST ? place : more).append(label);
    if (j === FIRST) place.append(more);
    setSlider(id, low[j] - room, high[j] + room, 0);
    input.addEventListener("input", () => {
      setAlong(p, j, Number(input.value));
      p.ask("code");
    });
    return input;
  });
  return (places) =>
    sliders.forEach((slider, j) => {
      if (!slider.matches(":active")) slider.value = places[j]; // not under the reader's finger
      slider.nextSibling.value = shown(places[j]);
    });
}

// A code of the prior, or of a normal distribution with the codes' mean and principal directions.
function drawn({ run, state }) {
  const { mean, vectors, deviations } = run.axes;
  const random = randomOf((state.seed = (state.seed * 7919 + 17) >>> 0));
  if (run.prior) return mean.map(() => normal(random) * Math.sqrt(run.prior));
  const z = mean.slice();
  vectors.forEach((v, j) => {
    const e = normal(random) * deviations[j];
    v.forEach((share, i) => {
      z[i] += e * share;
    });
  });
  return z;
}

// ---- The map ------------------------------------------------------------------------------------

const SIDE = 400;

// Points of the examples, the code that is shown, and what it is decoded to beside it.
function mapOf(p) {
  const { run, state } = p,
    svg = byId("map"),
    { vectors } = run.axes;
  const selects = [byId("across"), byId("up")],
    label = (j) => `direction ${j + 1}`;
  const chosen = () => selects.map((select) => Number(select.value));
  const marker = element("circle", { class: "marker", r: 8 });
  selects.forEach((select, i) => {
    select.append(...vectors.map((_, j) => element("option", { value: j }, label(j))));
    select.value = i;
    select.addEventListener("change", () => {
      draw();
      p.ask("code");
    });
  });
  function draw() {
    const [j, k] = chosen();
    svg.setAttribute("viewBox", `0 0 ${SIDE} ${SIDE}`);
    svg.setAttribute(
      "aria-label",
      `map of ${label(j)} to the right and ${label(k)} up; arrow keys move the code`,
    );
    svg.replaceChildren(...dots(run, j, k), marker);
  }
  const go = (values) => {
    chosen().forEach((j, i) => setAlong(p, j, values[i]));
    p.ask("code");
  };
  svg.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    go(
      chosen().map((j, i) => {
        const [low, high] = rangeOf(run.axes, j);
        return along(run.axes, state.z, j) + ([1, -1][i] * step[i] * (high - low)) / 40;
      }),
    );
    p.says(
      chosen()
        .map((j) => `${label(j)} ${shown(along(run.axes, state.z, j))}`)
        .join(", "),
    );
  });
  const walk = (event) =>
    go(
      placeOn(svg, event).map((t, i) => {
        const [low, high] = rangeOf(run.axes, chosen()[i]);
        return low + (i ? 1 - t : t) * (high - low);
      }),
    );
  svg.addEventListener("pointermove", walk);
  svg.addEventListener("pointerdown", (event) => {
    hold(svg, event);
    walk(event);
  });
  draw();
  legend(run);
  return (places, decoded) => {
    const [j, k] = chosen(),
      x = SIDE * part(run.axes, j, places[j]);
    const y = SIDE * (1 - part(run.axes, k, places[k]));
    marker.setAttribute("cx", x);
    marker.setAttribute("cy", y);
    beside(p, x, y, decoded);
  };
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function rangeOf({ low, high }, j) {
  const room = (high[j] - low[j]) * 0.15 || 1;
  return [low[j] - room, high[j] + room];
}

// Where a coordinate is between the ends of the map, in [0, 1].
function part(axes, j, value) {
  const [low, high] = rangeOf(axes, j);
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

function dots(run, j, k) {
  return run.points.map((point, i) =>
    element("circle", {
      class: "dot",
      r: 3,
      cx: (SIDE * part(run.axes, j, point[j])).toFixed(1),
      cy: (SIDE * (1 - part(run.axes, k, point[k]))).toFixed(1),
      fill: run.points_labels ? colorOf(run.points_labels[i]) : "var(--them)",
    }),
  );
}

const colorOf = (label) => COLORS[label % COLORS.length];

function legend(run) {
  const labels = [...new Set(run.points_labels || [])].sort((a, b) => a - b);
  byId("legend").append(
    ...labels.map((label) =>
      element(
        "span",
        {},
        element("i", { style: `background:${colorOf(label)}` }),
        run.className(label),
      ),
    ),
  );
}

// What the code is decoded to, on the side of the marker where there is room.
function beside({ run, kind }, x, y, decoded) {
  const here = byId("here"),
    far = (v) => (100 * (v > SIDE / 2 ? SIDE - v : v)) / SIDE + 4;
  if (run.kind !== "rows") kind.show(run, here, decoded, "");
  here.style.cssText = `${x > SIDE / 2 ? "right" : "left"}:${far(x)}%;${y > SIDE / 2 ? "bottom" : "top"}:${far(y)}%`;
}

// ---- Between two examples -----------------------------------------------------------------------

const STEPS = 9;

// The line between the codes of two examples, and what places on it are decoded to.
function between(p) {
  const { run, kind, state } = p,
    slider = byId("part"),
    codes = [];
  const pair = [0, run.examples.length - 1];
  const code = (i) => (codes[i] ||= run.encode(run.examples[i]));
  const at = (t) => code(pair[0]).map((a, i) => (1 - t) * a + t * code(pair[1])[i]);
  const figures = Array.from({ length: run.kind === "rows" ? 0 : STEPS }, () => element("figure"));
  byId("strip").append(...figures);
  const walk = () => {
    slider.nextSibling.value = shown(Number(slider.value));
    state.z = at(Number(slider.value));
    p.ask("code");
  };
  const buttons = exampleButtons(p, byId("between-section").querySelector(".examples"), (i) => {
    pair.shift();
    pair.push(i);
    show();
    walk();
  });
  function show() {
    buttons.forEach((b, i) => b.setAttribute("aria-pressed", pair.includes(i)));
    figures.forEach((figure, s) => {
      const t = s / (STEPS - 1);
      kind.show(run, figure, run.decode(at(t), state.label), `decoded at ${shown(t)} of the line`);
    });
  }
  setSlider("part", 0, 1, 0.5);
  slider.addEventListener("input", walk);
  byId("class")?.addEventListener("change", show);
  show();
}

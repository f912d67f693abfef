"use strict";
// Signals: a chart for each channel, into which one draws.

const channel = (x, c, C) => Float32Array.from({ length: x.length / C }, (_, i) => x[i * C + c]);
const unit = (run, v, c) => run.shift[c] + run.spread[c] * v; // in the units of the data

// Lines {class: signal}, a chart for each channel with its range in the units of the data.
function charts(run, box, lines, label) {
  const C = run.shape[2];
  while (box.children.length < C)
    box.append(element("div", {}, element("p", { class: "name" }), element("svg")));
  return Array.from(box.children, (part, c) => {
    const [low, high] = run.ranges[c];
    const name = C > 1 || run.named ? `${run.names[c]}, ` : "";
    part.firstChild.textContent = `${name}${shown(unit(run, low, c))} to ${shown(unit(run, high, c))}`;
    const each = Object.fromEntries(
      Object.entries(lines).map(([kind, v]) => [kind, channel(v, c, C)]),
    );
    return lineChart(
      part.lastChild,
      each,
      [low, high],
      `${label}${C > 1 ? `, ${run.names[c]}` : ""}`,
    );
  });
}

function editSignal(run, x, changed, says) {
  const C = run.shape[2],
    parts = byId("parts"),
    spot = { at: 0, last: null };
  const label =
    "signal (gray) and reconstruction (blue); arrow keys: left and right along it, up and down change it";
  const show = (y) => {
    charts(run, parts, { input: x, ours: y }, label);
    Array.from(parts.children, ({ lastChild: svg }, c) => svg.append(cursor(run, x, spot.at, c)));
  };
  spot.set = (i, c, v) => {
    x[i * C + c] = v;
    spot.at = i;
  };
  show(x);
  Array.from(parts.children, ({ lastChild: svg }, c) => {
    svg.classList.add("edits");
    svg.setAttribute("tabindex", 0);
    svg.setAttribute("role", "application");
    drawOnChart(run, svg, c, spot, changed);
    keysOnChart(run, svg, c, x, spot, () => {
      says(`place ${spot.at + 1} of ${run.shape[1]}, ${shown(unit(run, x[spot.at * C + c], c))}`);
      changed();
    });
  });
  return show;
}

// Where the arrow keys are.
function cursor(run, x, i, c) {
  const [, L, C] = run.shape,
    [low, high] = run.ranges[c],
    v = x[i * C + c] || 0;
  const t = Math.min(1, Math.max(0, (v - low) / (high - low)));
  return element("circle", {
    class: "cursor",
    r: 3,
    cx: EDGE + ((WIDTH - 2 * EDGE) * i) / Math.max(1, L - 1),
    cy: HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * t,
  });
}

// From the place of the last event to that of this one, along a line.
function drawOnChart(run, svg, c, spot, changed) {
  const L = run.shape[1],
    [low, high] = run.ranges[c];
  const inside = (t, all) => Math.min(1, Math.max(0, (t * all - EDGE) / (all - 2 * EDGE)));
  const draw = (event) => {
    const [right, down] = placeOn(svg, event);
    const i = Math.round(inside(right, WIDTH) * (L - 1));
    const v = high - inside(down, HEIGHT) * (high - low),
      [from, first] = spot.last || [i, v];
    const steps = Math.max(1, Math.abs(i - from));
    for (let s = 0; s <= steps; s++) {
      spot.set(Math.round(from + (s / steps) * (i - from)), c, first + (s / steps) * (v - first));
    }
    spot.last = [i, v];
    changed();
  };
  svg.addEventListener("pointerdown", (event) => {
    hold(svg, event);
    draw(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (spot.last) draw(event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, () => {
      spot.last = null;
    });
  }
}

function keysOnChart(run, svg, c, x, spot, moved) {
  const [, L, C] = run.shape,
    [low, high] = run.ranges[c];
  svg.addEventListener("keydown", (event) => {
    const move = ARROWS[event.key];
    if (!move) return;
    event.preventDefault();
    const i = Math.min(L - 1, Math.max(0, spot.at + move[0]));
    const change = -move[1] * 0.03 * (high - low);
    spot.set(i, c, change ? (x[i * C + c] || 0) + change : x[i * C + c]);
    moved();
  });
}

function showSignal(run, box, x, label) {
  charts(run, box, { ours: x }, label);
}

function showSignalError(run, box, x, y) {
  const ranges = run.ranges.map(([low, high]) => [(low - high) / 4, (high - low) / 4]);
  const error = x.map((v, i) => v - y[i]),
    about = { ...run, ranges, shift: run.shift.map(() => 0) };
  charts(about, box, { error }, "input less reconstruction");
}

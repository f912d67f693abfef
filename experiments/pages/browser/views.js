"use strict";
// What the page shows of numbers: pictures on a canvas, lines and bars as SVG, which take their
// colors from the style sheet.

const COLORS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#b58900",
  "#56b4e9",
  "#8b5cf6",
  "#e11d48",
  "#65a30d",
  "#78716c",
]; // of classes, again from the first for more than ten
const HOLE = [213, 94, 0]; // what was not observed

// Three digits that count.
function shown(v) {
  if (!Number.isFinite(v)) return "unknown";
  const size = Math.abs(v);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return v.toExponential(1);
  return size >= 1000 ? v.toFixed(0) : String(Number(v.toPrecision(3)));
}

function element(name, attributes = {}, ...inside) {
  const svg = ["svg", "path", "rect", "circle", "line", "text", "g", "title"].includes(name);
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

// ---- Pictures -----------------------------------------------------------------------------------

// An image [H, W, C] in [0,1]: 1 channel is gray, 3 are colors, 4 have opacity, others their mean.
function paint(canvas, x, [H, W, C]) {
  if (canvas.width !== W || canvas.height !== H) [canvas.width, canvas.height] = [W, H];
  const image = new ImageData(W, H),
    colored = C === 3 || C === 4;
  for (let i = 0; i < H * W; i++) {
    let sum = 0; // NaN where one is
    for (let c = 0; c < C; c++) sum += x[i * C + c];
    for (let c = 0; c < 3; c++) {
      const v = colored ? x[i * C + c] : sum / C;
      image.data[4 * i + c] = Number.isNaN(sum) ? HOLE[c] : 255 * v;
    }
    image.data[4 * i + 3] = C === 4 && !Number.isNaN(sum) ? 255 * x[i * C + 3] : 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// |x - x^| of every pixel: black is none, then orange, white is 1.
function paintError(canvas, x, y, [H, W, C]) {
  const colors = new Float32Array(H * W * 3);
  for (let i = 0; i < H * W; i++) {
    let worst = 0;
    for (let c = 0; c < C; c++) worst = Math.max(worst, Math.abs(x[i * C + c] - y[i * C + c]) || 0);
    colors.set(
      [Math.min(1, 2 * worst), Math.min(1, worst ** 1.3), Math.max(0, 2 * worst - 1)],
      3 * i,
    );
  }
  paint(canvas, colors, [H, W, 3]);
}

// ---- Charts -------------------------------------------------------------------------------------

const WIDTH = 320,
  HEIGHT = 120,
  EDGE = 6;

// Lines {class: numbers} over the same places; `range` is what the height shows.
function lineChart(svg, lines, [low, high], label) {
  const span = high - low || 1,
    all = Object.values(lines);
  const place = (v, i) => [
    EDGE + ((WIDTH - 2 * EDGE) * i) / Math.max(1, all[0].length - 1),
    HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (Math.min(Math.max(v, low), high) - low)) / span,
  ];
  const drawn = Object.entries(lines).map(([kind, values]) => {
    let text = "",
      open = false;
    values.forEach((v, i) => {
      if (Number.isNaN(v)) {
        open = false;
        return;
      }
      text += `${open ? "L" : "M"}${place(v, i)
        .map((p) => p.toFixed(1))
        .join(" ")}`;
      open = true;
    });
    return element("path", { d: text, class: `line ${kind}` });
  });
  const [, y] = place(0, 0),
    zero = element("line", { class: "zero", x1: EDGE, x2: WIDTH - EDGE, y1: y, y2: y });
  frame(svg, label, ...(low < 0 && high > 0 ? [zero] : []), ...drawn);
}

// A bar for every number, up or down from 0.
function barChart(svg, values, most, label) {
  const wide = (WIDTH - 2 * EDGE) / values.length,
    middle = HEIGHT / 2,
    tall = middle - EDGE;
  let bars = "";
  values.forEach((v, i) => {
    const height = (-tall * Math.min(Math.max(v, -most), most)) / (most || 1);
    bars += `M${(EDGE + i * wide).toFixed(2)} ${middle}v${height.toFixed(2)}h${(wide * 0.8).toFixed(2)}V${middle}z`;
  });
  const zero = element("line", {
    class: "zero",
    x1: EDGE,
    x2: WIDTH - EDGE,
    y1: middle,
    y2: middle,
  });
  frame(svg, label, zero, element("path", { class: "bar-of-code", d: bars }));
}

function frame(svg, label, ...inside) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", svg.getAttribute("role") || "img");
  svg.setAttribute("aria-label", label);
  svg.replaceChildren(...inside);
}

// ---- Elements -----------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);

// Where a pointer is on an element, [0, 1] to the right and down; and that it stays there.
function placeOn(place, event) {
  const r = place.getBoundingClientRect(),
    inside = (v) => Math.min(1, Math.max(0, v));
  return [inside((event.clientX - r.left) / r.width), inside((event.clientY - r.top) / r.height)];
}

function hold(place, event) {
  if (event.isTrusted) place.setPointerCapture(event.pointerId); // one that a script made has none
}

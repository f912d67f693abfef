"use strict";
// What differs between images, signals and rows: how an example is edited and how it is shown.
// `edit(x, y, changed)` fills the editor, whose controls change x in place and call `changed()`;
// the function that it returns shows x and its reconstruction y again. `show(box, x, label)` puts
// an example, or what was decoded, into an element.

const byId = (id) => document.getElementById(id);

// ---- Images -------------------------------------------------------------------------------------

// Paints with a round pen from one place to another, both in pixels; soft edges, as digits have.
function stroke(x, [H, W, C], from, to, width, ink) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = dx * dx + dy * dy;
  for (let row = 0; row < H; row++) for (let column = 0; column < W; column++) {
    const [px, py] = [column + 0.5 - from[0], row + 0.5 - from[1]];
    const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
    const cover = Math.min(1, Math.max(0, width / 2 + 0.5 - Math.hypot(px - t * dx, py - t * dy)));
    if (!cover) continue;
    for (let c = 0; c < C; c++) {
      const at = (row * W + column) * C + c, old = Number.isNaN(x[at]) ? 0 : x[at];
      const color = ink[Math.min(c, ink.length - 1)], toward = color >= old ? Math.max : Math.min;
      x[at] = toward(old, old + cover * (color - old));
    }
  }
}

function inkOf(C) {
  if (byId("erase").getAttribute("aria-pressed") === "true") return C === 4 ? [0, 0, 0, 0] : [0];
  const color = byId("color");
  if (!color) return [1];
  const rgb = [1, 3, 5].map((i) => parseInt(color.value.slice(i, i + 2), 16) / 255);
  return C === 4 ? [...rgb, 1] : rgb;
}

// The middle of a picture, as large as fits, in the size and the channels of the network.
async function imageOf(file, [H, W, C]) {
  const picture = await createImageBitmap(file);
  const scale = Math.max(W / picture.width, H / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  const canvas = element("canvas", { width: W, height: H }), pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, (W - w) / 2, (H - h) / 2, w, h);
  const { data } = pen.getImageData(0, 0, W, H), x = new Float32Array(H * W * C);
  for (let i = 0; i < H * W; i++) {
    const [r, g, b, a] = data.subarray(4 * i, 4 * i + 4).map(Number);
    x.set(C === 1 ? [(0.299 * r + 0.587 * g + 0.114 * b) / 255] : [r, g, b, a].slice(0, C).map((v) => v / 255), C * i);
  }
  return x;
}

function editImage(run, x, changed) {
  const canvas = byId("drawing"), [H, W, C] = run.shape, pen = byId("pen");
  const show = () => paint(canvas, x, run.shape);
  const line = (from, to) => { stroke(x, run.shape, from, to, Number(pen.value), inkOf(C)); changed(); };
  let last = null, spot = [W / 2, H / 2], down = false;
  Object.assign(pen, { min: 0.5, max: Math.max(4, W / 5), value: Math.max(1, W / 12) });
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * W) / box.width, ((event.clientY - box.top) * H) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
    last = spot = place(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const e of events.length ? events : [event]) { const to = place(e); line(last, to); last = spot = to; }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (moves) {
      const to = [Math.min(W, Math.max(0, spot[0] + moves[0])), Math.min(H, Math.max(0, spot[1] + moves[1]))];
      if (down) line(spot, to);
      spot = to;
      run.says(`column ${Math.round(spot[0])}, row ${Math.round(spot[1])}`);
    } else if (event.key === " ") {
      down = !down;
      if (down) line(spot, spot);
      run.says(down ? "pen down" : "pen up");
    } else if (event.key.toLowerCase() === "e") byId("erase").click();
    else if (event.key === "Delete") byId("clear").click();
    else return;
    event.preventDefault();
  });
  byId("erase").addEventListener("click", ({ currentTarget: b }) => b.setAttribute("aria-pressed", b.getAttribute("aria-pressed") !== "true"));
  byId("invert").addEventListener("click", () => { x.forEach((v, i) => { if (C !== 4 || i % 4 < 3) x[i] = 1 - v; }); changed(); });
  takeFiles(async (file) => { x.set(await imageOf(file, run.shape)); changed(); }, run);
  return show;
}

// A picture that is chosen, or dropped anywhere on the page.
function takeFiles(take, run) {
  if (!byId("file")) return;
  const tried = (file) => file && take(file).catch(() => run.says("this file is no picture that the browser can read", true));
  byId("file").addEventListener("change", (event) => tried(event.target.files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); tried(event.dataTransfer.files[0]); });
}

function showImage(run, box, x, label) {
  const canvas = box.querySelector("canvas") || box.appendChild(element("canvas", { role: "img" }));
  canvas.setAttribute("aria-label", label);
  paint(canvas, x, run.shape);
}

// ---- Signals ------------------------------------------------------------------------------------

const channel = (x, c, C) => Float32Array.from({ length: x.length / C }, (_, i) => x[i * C + c]);
const unit = (run, v, c) => run.shift[c] + run.spread[c] * v; // in the units of the data

function charts(run, box, lines, label, range) {
  const C = run.shape[2];
  while (box.children.length < C) box.append(element("div", {}, element("p", { class: "name" }), element("svg")));
  return Array.from(box.children, (part, c) => {
    const [low, high] = (range || run.ranges)[c];
    const name = C > 1 || run.named ? `${run.names[c]}, ` : "";
    part.firstChild.textContent = `${name}${shown(unit(run, low, c))} to ${shown(unit(run, high, c))}`;
    const each = Object.fromEntries(Object.entries(lines).map(([kind, v]) => [kind, channel(v, c, C)]));
    return lineChart(part.lastChild, each, [low, high], `${label}${C > 1 ? `, ${run.names[c]}` : ""}`);
  });
}

function editSignal(run, x, changed) {
  const [, L, C] = run.shape, box = byId("parts");
  let spot = 0;
  const show = (y) => {
    charts(run, box, { input: x, ours: y }, "signal (gray) and reconstruction (blue); arrow keys: left and right along it, up and down change it");
    Array.from(box.children, ({ lastChild: svg }, c) => {
      const [low, high] = run.ranges[c], v = Math.min(Math.max(x[spot * C + c], low), high);
      svg.append(element("circle", { class: "cursor", r: 3, cx: EDGE + ((WIDTH - 2 * EDGE) * spot) / Math.max(1, L - 1),
        cy: HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * ((v || 0) - low)) / (high - low || 1) }));
    });
  };
  show(x);
  Array.from(box.children, ({ lastChild: svg }, c) => {
    const [low, high] = run.ranges[c];
    let last = null;
    svg.classList.add("edits");
    svg.setAttribute("tabindex", 0);
    svg.setAttribute("role", "application");
    const draw = (event) => {
      const r = svg.getBoundingClientRect(), inner = (v, size, all) => (v * all / size - EDGE) / (all - 2 * EDGE);
      const i = Math.round(Math.min(1, Math.max(0, inner(event.clientX - r.left, r.width, WIDTH))) * (L - 1));
      const v = high - Math.min(1, Math.max(0, inner(event.clientY - r.top, r.height, HEIGHT))) * (high - low);
      const from = last || [i, v], steps = Math.max(1, Math.abs(i - from[0]));
      for (let s = 0; s <= steps; s++) x[Math.round(from[0] + (s / steps) * (i - from[0])) * C + c] = from[1] + (s / steps) * (v - from[1]);
      last = [i, v];
      spot = i;
      changed();
    };
    svg.addEventListener("pointerdown", (event) => { if (event.isTrusted) svg.setPointerCapture(event.pointerId); draw(event); });
    svg.addEventListener("pointermove", (event) => { if (last) draw(event); });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { last = null; });
    svg.addEventListener("keydown", (event) => {
      const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key], up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!along && !up) return;
      event.preventDefault();
      if (along) spot = Math.min(L - 1, Math.max(0, spot + along));
      else x[spot * C + c] = (x[spot * C + c] || 0) + up * 0.03 * (high - low);
      run.says(`place ${spot + 1} of ${L}, ${shown(unit(run, x[spot * C + c], c))}`);
      changed();
    });
  });
  return show;
}

// ---- Rows ---------------------------------------------------------------------------------------

// Columns of a row: name, kind, categories and channels [start, stop).
function columnsOf(run) {
  let start = 0;
  return run.columns.map((column) => {
    const width = column.kind === "category" ? column.categories.length : 1;
    return { ...column, start, stop: (start += width) };
  });
}

const likeliest = (x, { start, stop }) => {
  let best = start;
  for (let i = start; i < stop; i++) if (x[i] > x[best]) best = i;
  return best - start;
};

function cellText(run, x, column) {
  if (Number.isNaN(x[column.start])) return "unknown";
  if (column.kind === "category") return column.categories[likeliest(x, column)];
  if (column.kind === "boolean") return `${Math.round(100 * x[column.start])} % yes`;
  return shown(unit(run, x[column.start], column.start));
}

function editRows(run, x, changed) {
  const table = element("table", { class: "cells" }), columns = columnsOf(run);
  table.append(row("th", "column", "", "value", "output", ...(run.holes ? ["known"] : [])));
  const rows = columns.map((column) => {
    const control = controlOf(run, x, column, changed), line = row("td", column.name, control.node, "", "");
    line.firstChild.replaceWith(element("th", { scope: "row" }, column.name));
    if (run.holes) line.append(element("td", {}, control.known));
    table.append(line);
    return { column, control, line };
  });
  byId("parts").append(element("div", { class: "pan tall", tabindex: 0, role: "group", "aria-label": "columns of the row" }, table));
  return (y) => {
    const errors = columns.map(({ start, stop }) => { let e = 0; for (let i = start; i < stop; i++) e += (x[i] - y[i]) ** 2 || 0; return e; });
    const all = errors.reduce((a, b) => a + b, 0);
    rows.forEach(({ column, control, line }, i) => {
      control.show();
      line.children[2].textContent = cellText(run, x, column);
      line.children[3].textContent = cellText(run, y, column);
      const off = all > 0 && errors[i] > 0.25 * all && columns.length > 2;
      line.children[3].className = off ? "off" : "";
      line.children[3].title = all > 0 ? `${Math.round((100 * errors[i]) / all)} % of the error` : "";
    });
  };
}

// What changes one column of x: a slider, a box to tick or a list; and whether it is known.
function controlOf(run, x, column, changed) {
  const { start, stop, kind, name } = column, [low, high] = run.ranges[start];
  const set = (values) => { x.set(values, start); changed(); };
  const known = element("input", { type: "checkbox", "aria-label": `${name} is known` });
  known.addEventListener("change", () => set(new Array(stop - start).fill(known.checked ? 0 : NaN)));
  const shows = (f) => () => { known.checked = !Number.isNaN(x[start]); f(); };
  if (kind === "category") {
    const node = element("select", { "aria-label": name }, ...column.categories.map((c) => element("option", {}, c)));
    node.addEventListener("change", () => set(column.categories.map((_, i) => Number(i === node.selectedIndex))));
    return { node, known, show: shows(() => { node.selectedIndex = likeliest(x, column); }) };
  }
  if (kind === "boolean") {
    const node = element("input", { type: "checkbox", "aria-label": name });
    node.addEventListener("change", () => set([Number(node.checked)]));
    return { node, known, show: shows(() => { node.checked = x[start] >= 0.5; }) };
  }
  const node = element("input", { type: "range", min: low, max: high, step: "any", "aria-label": name });
  node.addEventListener("input", () => set([Number(node.value)]));
  return { node, known, show: shows(() => {
    node.value = x[start] || 0;
    node.setAttribute("aria-valuetext", cellText(run, x, column));
  }) };
}

const row = (kind, ...cells) => element("tr", {}, ...cells.map((c) => element(kind, {}, c)));

function showRow(run, box, x, label) {
  const table = element("table", { class: "cells" });
  for (const column of columnsOf(run)) {
    const [low, high] = run.ranges[column.start];
    const share = column.kind === "number" ? (x[column.start] - low) / (high - low || 1) : column.kind === "boolean" ? x[column.start] : Math.max(...x.subarray(column.start, column.stop));
    const bar = element("i", { style: `width:${(100 * Math.min(1, Math.max(0, share || 0))).toFixed(1)}%` });
    const line = row("td", "", element("span", { class: "scale" }, bar), cellText(run, x, column));
    line.firstChild.replaceWith(element("th", { scope: "row" }, column.name));
    table.append(line);
  }
  const pan = box.querySelector(".tall") || box.appendChild(element("div", { class: "pan tall", tabindex: 0, role: "group" }));
  pan.setAttribute("aria-label", label);
  pan.replaceChildren(table);
}

const EDITORS = {
  image: { edit: editImage, show: showImage,
    error: (run, box, x, y) => {
      showImage(run, box, x, "error");
      paintError(box.querySelector("canvas"), x, y, run.shape);
    } },
  signal: { edit: editSignal, show: (run, box, x, label) => charts(run, box, { ours: x }, label),
    error: (run, box, x, y) => {
      const error = x.map((v, i) => v - y[i]), zero = run.ranges.map(([low, high]) => [(low - high) / 4, (high - low) / 4]);
      charts({ ...run, shift: run.shift.map(() => 0) }, box, { error }, "input less reconstruction", zero);
    } },
  rows: { edit: editRows, show: showRow, error: () => {} },
};

// What tests do on a page of the playground, as a reader would; each function returns what it found.

const p = playground,
  { run, state } = p;
const $ = (id) => document.getElementById(id);
const sum = () => state.x.reduce((a, b) => a + b, 0);
const differs = (a, b) => a.some((v, i) => v !== b[i]);
const gap = (a, b) => Math.max(...a.map((v, i) => Math.abs(v - b[i])));

function fire(place, kind, [right, down], pointerType = "mouse") {
  const r = place.getBoundingClientRect();
  const at = { clientX: r.left + right * r.width, clientY: r.top + down * r.height };
  place.dispatchEvent(new PointerEvent(kind, { bubbles: true, pointerType, ...at }));
  p.frame();
}

function key(place, name) {
  place.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  p.frame();
}

function click(id) {
  $(id).click();
  p.frame();
}

function set(control, value, event = "input") {
  control.value = value;
  control.dispatchEvent(new Event(event));
  p.frame();
}

function stroke(pointer) {
  const draw = $("drawing"),
    [H, W] = run.shape;
  click("clear");
  const z = state.z,
    empty = sum();
  fire(draw, "pointermove", [0.5, 0.5], pointer);
  const hovered = sum();
  fire(draw, "pointerdown", [0.3, 0.5], pointer);
  fire(draw, "pointermove", [0.7, 0.5], pointer);
  fire(draw, "pointerup", [0.7, 0.5], pointer);
  const drawn = sum();
  fire(draw, "pointermove", [0.1, 0.1], pointer);
  const lifted = sum() - drawn;
  const middle = state.x[Math.floor(H / 2) * W + Math.floor(W / 2)],
    corner = state.x[0];
  click("invert");
  return { empty, hovered, lifted, middle, corner, moved: differs(state.z, z), inverted: state.x[0] };
}

function keys() {
  const draw = $("drawing"),
    map = $("map"),
    at = () => [0, 1, 2].map((j) => along(run.axes, state.z, j));
  click("clear");
  key(draw, " ");
  for (let i = 0; i < 5; i++) key(draw, "ArrowRight");
  const line = sum();
  key(draw, "e");
  const erases = $("erase").getAttribute("aria-pressed");
  key(draw, "Delete");
  const cleared = sum(),
    before = at(),
    [low, high] = rangeOf(run.axes, 0);
  key(map, "ArrowRight");
  return { line, erases, cleared, steps: less(at(), before), step: (high - low) / 40 };
}

const less = (a, b) => a.map((v, i) => v - b[i]);

function walks() {
  const slider = $("direction-1"),
    found = {};
  fire($("map"), "pointermove", [0, 1], "touch");
  found.corner = [0, 1].map((j) => along(run.axes, state.z, j));
  found.ends = [0, 1].map((j) => rangeOf(run.axes, j)[0]);
  set(slider, slider.max);
  found.end_of_slider = Number(slider.max);
  found.code = [...state.z];
  click("sample");
  const first = state.z;
  click("sample");
  found.sampled = differs(first, state.z);
  click("back");
  found.back = gap(run.encode(state.x), state.z);
  const one = state.decoded;
  set($("class"), 1 - state.label, "change");
  found.told = differs(one, state.decoded);
  set($("part"), 0);
  found.end = gap(run.encode(run.examples[0]), state.z);
  document.querySelectorAll("#examples button")[1].click();
  p.frame();
  found.chosen = gap(run.examples[1], state.x);
  return found;
}

function looks() {
  const color = () => getComputedStyle(document.body).backgroundColor;
  const named = (e) => (e.getAttribute("aria-label") || e.textContent).trim() || e.labels?.length;
  const all = [...document.querySelectorAll("button, input, select, canvas[role], svg[role]")];
  $("theme").click();
  const light = color();
  $("theme").click();
  const unnamed = all.filter((e) => !named(e) && !e.closest("[aria-hidden], button"));
  return {
    light,
    dark: color(),
    unnamed: unnamed.map((e) => e.outerHTML.slice(0, 99)),
    fits: document.documentElement.scrollWidth <= innerWidth,
  };
}

const until = async (done) => {
  for (let i = 0; i < 100 && !done(); i++) await new Promise((r) => setTimeout(r, 20));
};

function give(blob) {
  const all = new DataTransfer();
  all.items.add(new File([blob], "a.png", { type: "image/png" }));
  $("file").files = all.files;
  $("file").dispatchEvent(new Event("change"));
}

async function picture() {
  const canvas = document.createElement("canvas"),
    pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [90, 60];
  pen.fillStyle = "#ff0000";
  pen.fillRect(0, 0, 90, 60);
  click("clear");
  give(await new Promise((r) => canvas.toBlob(r)));
  await until(sum);
  const gray = [Math.min(...state.x), Math.max(...state.x)];
  give(new Blob(["text"]));
  await until(() => !$("trouble").hidden);
  return { gray, trouble: $("trouble").textContent };
}

function edits() {
  const svg = document.querySelector("#parts svg"),
    x = state.x.slice();
  const slider = document.querySelector("#parts input[type=range]");
  if (svg) {
    fire(svg, "pointerdown", [0.2, 0.1]);
    fire(svg, "pointermove", [0.8, 0.1]);
    fire(svg, "pointerup", [0.8, 0.1]);
    key(svg, "ArrowUp");
  }
  if (slider) set(slider, slider.max);
  const y = run.decode(run.encode(state.x), state.label);
  return {
    changed: state.x.filter((v, i) => v !== x[i]).length,
    off: gap(y, state.y),
    said: $("score").textContent,
    charts: document.querySelectorAll("svg[role]").length,
  };
}

p.frame();

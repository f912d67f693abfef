"use strict";
// Images: a drawing, or a picture that is chosen or dropped.
//
// An editor `edit(run, x, changed, says)` has controls that change x in place and call `changed()`;
// the function that it returns shows x and its reconstruction y again. `show(run, box, x, label)`
// puts an example, or what was decoded, into an element. EDITORS of rows.js has them by kind.

// Paints with a round pen from one place to another, both in pixels; soft edges, as digits have.
function stroke(x, [H, W, C], from, to, width, ink) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]],
    length = dx * dx + dy * dy;
  for (let row = 0; row < H; row++)
    for (let column = 0; column < W; column++) {
      const [px, py] = [column + 0.5 - from[0], row + 0.5 - from[1]];
      const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const cover = Math.min(
        1,
        Math.max(0, width / 2 + 0.5 - Math.hypot(px - t * dx, py - t * dy)),
      );
      if (!cover) continue;
      for (let c = 0; c < C; c++) {
        const at = (row * W + column) * C + c,
          old = Number.isNaN(x[at]) ? 0 : x[at];
        const color = ink[Math.min(c, ink.length - 1)],
          toward = color >= old ? Math.max : Math.min;
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
  const canvas = element("canvas", { width: W, height: H }),
    pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, (W - w) / 2, (H - h) / 2, w, h);
  const { data } = pen.getImageData(0, 0, W, H),
    x = new Float32Array(H * W * C);
  for (let i = 0; i < H * W; i++) {
    const [r, g, b, a] = data.subarray(4 * i, 4 * i + 4).map(Number);
    x.set(
      C === 1
        ? [(0.299 * r + 0.587 * g + 0.114 * b) / 255]
        : [r, g, b, a].slice(0, C).map((v) => v / 255),
      C * i,
    );
  }
  return x;
}

function editImage(run, x, changed, says) {
  const canvas = byId("drawing"),
    [H, W, C] = run.shape,
    pen = byId("pen"),
    erase = byId("erase");
  const spot = { at: [W / 2, H / 2], down: false, held: false };
  spot.to = (to, draws) => {
    if (draws) {
      stroke(x, run.shape, spot.at, to, Number(pen.value), inkOf(C));
      changed();
    }
    spot.at = to;
  };
  Object.assign(pen, { min: 0.5, max: Math.max(4, W / 5), value: Math.max(1, W / 12) });
  pen.nextSibling.value = "";
  drawByPointer(canvas, [W, H], spot);
  drawByKeys(canvas, [W, H], spot, says);
  erase.addEventListener("click", () => {
    erase.setAttribute("aria-pressed", erase.getAttribute("aria-pressed") !== "true");
  });
  byId("invert").addEventListener("click", () => {
    x.forEach((v, i) => {
      if (C !== 4 || i % 4 < 3) x[i] = 1 - v;
    }); // not the opacity
    changed();
  });
  const take = async (file) => {
    x.set(await imageOf(file, run.shape));
    changed();
  };
  if (byId("file")) takeFiles(take, says);
  return () => paint(canvas, x, run.shape);
}

function drawByPointer(canvas, sides, spot) {
  const place = (event) => placeOn(canvas, event).map((t, i) => t * sides[i]);
  canvas.addEventListener("pointerdown", (event) => {
    hold(canvas, event);
    spot.held = true;
    spot.at = place(event);
    spot.to(spot.at, true);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!spot.held) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const e of events.length ? events : [event]) spot.to(place(e), true);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      spot.held = false;
    });
  }
}

function drawByKeys(canvas, sides, spot, says) {
  const act = {
    " ": () => {
      spot.down = !spot.down;
      spot.to(spot.at, spot.down);
      says(spot.down ? "pen down" : "pen up");
    },
    e: () => byId("erase").click(),
    Delete: () => byId("clear").click(),
  };
  canvas.addEventListener("keydown", (event) => {
    const move = ARROWS[event.key];
    if (!move && !act[event.key]) return;
    event.preventDefault();
    if (!move) return act[event.key]();
    spot.to(
      spot.at.map((v, i) => Math.min(sides[i], Math.max(0, v + move[i]))),
      spot.down,
    );
    return says(`column ${Math.round(spot.at[0])}, row ${Math.round(spot.at[1])}`);
  });
}

// A picture that is chosen, or dropped anywhere on the page.
function takeFiles(take, says) {
  const refuse = () => says("this file is no picture that the browser can read", true);
  const tried = (file) => file && take(file).catch(refuse);
  byId("file").addEventListener("change", (event) => tried(event.target.files[0]));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    tried(event.dataTransfer.files[0]);
  });
}

function showImage(run, box, x, label) {
  const canvas = box.querySelector("canvas") || box.appendChild(element("canvas", { role: "img" }));
  canvas.setAttribute("aria-label", label);
  paint(canvas, x, run.shape);
}

function showImageError(run, box, x, y) {
  showImage(run, box, x, "error of every pixel");
  paintError(box.querySelector("canvas"), x, y, run.shape);
}

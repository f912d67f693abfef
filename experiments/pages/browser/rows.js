"use strict";
// Rows: a control for each column.

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

function editRows(run, x, changed, says) {
  const table = element("table", { class: "cells" }),
    columns = columnsOf(run);
  table.append(row("th", "column", "", "value", "output", ...(run.holes ? ["known"] : [])));
  const rows = columns.map((column) => {
    const control = controlOf(run, x, column, changed),
      line = row("td", column.name, control.node, "", "");
    line.firstChild.replaceWith(element("th", { scope: "row" }, column.name));
    if (run.holes) line.append(element("td", {}, control.known));
    table.append(line);
    return { column, control, line };
  });
  byId("parts").append(
    element(
      "div",
      { class: "pan tall", tabindex: 0, role: "group", "aria-label": "columns of the row" },
      table,
    ),
  );
  return (y) => {
    const errors = columns.map(({ start, stop }) => {
      let e = 0;
      for (let i = start; i < stop; i++) e += (x[i] - y[i]) ** 2 || 0;
      return e;
    });
    const all = errors.reduce((a, b) => a + b, 0);
    rows.forEach(({ column, control, line }, i) => {
      control.show();
      line.children[2].textContent = cellText(run, x, column);
      line.children[3].textContent = cellText(run, y, column);
      const off = all > 0 && errors[i] > 0.25 * all && columns.length > 2;
      line.children[3].className = off ? "off" : "";
      line.children[3].title =
        all > 0 ? `${Math.round((100 * errors[i]) / all)} % of the error` : "";
    });
  };
}

// What changes one column of x: a slider, a box to tick or a list; and whether it is known.
function controlOf(run, x, column, changed) {
  const { start, stop, kind, name } = column,
    [low, high] = run.ranges[start];
  const set = (values) => {
    x.set(values, start);
    changed();
  };
  const known = element("input", { type: "checkbox", "aria-label": `${name} is known` });
  known.addEventListener("change", () =>
    set(new Array(stop - start).fill(known.checked ? 0 : NaN)),
  );
  const shows = (f) => () => {
    known.checked = !Number.isNaN(x[start]);
    f();
  };
  if (kind === "category") {
    const node = element(
      "select",
      { "aria-label": name },
      ...column.categories.map((c) => element("option", {}, c)),
    );
    node.addEventListener("change", () =>
      set(column.categories.map((_, i) => Number(i === node.selectedIndex))),
    );
    return {
      node,
      known,
      show: shows(() => {
        node.selectedIndex = likeliest(x, column);
      }),
    };
  }
  if (kind === "boolean") {
    const node = element("input", { type: "checkbox", "aria-label": name });
    node.addEventListener("change", () => set([Number(node.checked)]));
    return {
      node,
      known,
      show: shows(() => {
        node.checked = x[start] >= 0.5;
      }),
    };
  }
  const node = element("input", {
    type: "range",
    min: low,
    max: high,
    step: "any",
    "aria-label": name,
  });
  node.addEventListener("input", () => set([Number(node.value)]));
  return {
    node,
    known,
    show: shows(() => {
      node.value = x[start] || 0;
      node.setAttribute("aria-valuetext", cellText(run, x, column));
    }),
  };
}

const row = (kind, ...cells) => element("tr", {}, ...cells.map((c) => element(kind, {}, c)));

function showRow(run, box, x, label) {
  const table = element("table", { class: "cells" });
  for (const column of columnsOf(run)) {
    const [low, high] = run.ranges[column.start];
    const share =
      column.kind === "number"
        ? (x[column.start] - low) / (high - low || 1)
        : column.kind === "boolean"
          ? x[column.start]
          : Math.max(...x.subarray(column.start, column.stop));
    const bar = element("i", {
      style: `width:${(100 * Math.min(1, Math.max(0, share || 0))).toFixed(1)}%`,
    });
    const line = row("td", "", element("span", { class: "scale" }, bar), cellText(run, x, column));
    line.firstChild.replaceWith(element("th", { scope: "row" }, column.name));
    table.append(line);
  }
  const pan =
    box.querySelector(".tall") ||
    box.appendChild(element("div", { class: "pan tall", tabindex: 0, role: "group" }));
  pan.setAttribute("aria-label", label);
  pan.replaceChildren(table);
}

const EDITORS = {
  image: { edit: editImage, show: showImage, error: showImageError },
  signal: { edit: editSignal, show: showSignal, error: showSignalError },
  rows: { edit: editRows, show: showRow, error: () => {} },
};

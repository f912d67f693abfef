// What a page does: charts say their values, figures are enlarged. Without it both are pictures.
(() => {
  const tip = document.getElementById("tip"), words = tip.querySelector("span"),
    image = tip.querySelector("canvas"), dialog = document.querySelector("dialog"),
    known = new WeakMap();
  document.documentElement.classList.add("js");

  // The values of a panel: [{x, y, words, example, series}], in the order of x within a series.
  function valuesOf(panel) {
    if (!known.has(panel)) known.set(panel, [...panel.querySelectorAll(".values > g")].map(
      (group, series) => [...group.querySelectorAll("circle")].map(circle => ({
        x: +circle.getAttribute("cx"), y: +circle.getAttribute("cy"), series, circle,
        words: circle.textContent, example: circle.dataset.example,
      })).sort((a, b) => a.x - b.x)));
    return known.get(panel);
  }

  function nearest(values, x, y) {
    const far = value => (value.x - x) ** 2 + (value.y - y) ** 2;
    return values.reduce((best, value) => far(value) < far(best) ? value : best, values[0]);
  }

  function show(panel, value) {
    hide();
    panel.shown = value;
    value.circle.classList.add("shown");
    words.textContent = value.words;
    drawExample(panel, value.example);
    (dialog.open ? dialog : document.body).append(tip);
    tip.hidden = false;
    const at = value.circle.getBoundingClientRect(), own = tip.getBoundingClientRect(),
      within = (v, most) => Math.max(4, Math.min(v, most - 4));
    const above = at.top - own.height - 8;
    tip.style.left = within(at.left + at.width / 2 - own.width / 2, innerWidth - own.width) + "px";
    tip.style.top = within(above > 4 ? above : at.bottom + 8, innerHeight - own.height) + "px";
  }

  function hide() {
    tip.hidden = true;
    document.querySelectorAll("circle.shown").forEach(circle => circle.classList.remove("shown"));
  }

  // Its image, cut out of the sheet that has those of all points.
  function drawExample(panel, example) {
    const sheet = document.getElementById(panel.closest("figure").dataset.sheet || "none");
    image.hidden = !sheet || example === undefined;
    if (image.hidden) return;
    const { columns, width, height, number } = sheet.dataset;
    if (image.hidden = +example >= +number) return;
    const factor = Math.max(1, Math.floor(112 / Math.max(width, height)));
    Object.assign(image, { width: width * factor, height: height * factor });
    const brush = image.getContext("2d");
    brush.imageSmoothingEnabled = false;
    brush.drawImage(sheet, (example % columns) * width, Math.floor(example / columns) * height,
      width, height, 0, 0, image.width, image.height);
  }

  function pointed(event) {
    const panel = event.target.closest?.("svg.panel");
    const values = panel ? valuesOf(panel).flat() : [];
    if (!values.length) return hide();
    const at = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(panel.getScreenCTM().inverse());
    show(panel, nearest(values, at.x, at.y));
  }

  // Left and right along a series, up and down to the next one.
  function step(panel, key) {
    const all = valuesOf(panel).filter(values => values.length);
    const from = panel.shown || all[0][0];
    const series = all.findIndex(values => values.includes(from)), here = all[series].indexOf(from);
    if (!panel.shown || tip.hidden) return show(panel, from);
    const along = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all[series].length - 1 };
    if (key in along) return show(panel, all[series][along[key]] || from);
    const next = all[(series + (key === "ArrowUp" ? all.length - 1 : 1)) % all.length];
    show(panel, next.reduce((a, b) => Math.abs(b.x - from.x) < Math.abs(a.x - from.x) ? b : a));
  }

  function enlarge(figure) {
    const shown = figure.querySelector(".enlarged, .panels").cloneNode(true);
    const holder = document.createElement("figure");
    holder.className = figure.className;
    if (figure.dataset.sheet) holder.dataset.sheet = figure.dataset.sheet;
    holder.append(shown);
    hide();
    dialog.querySelector("div").replaceChildren(holder);
    dialog.showModal();
  }

  document.addEventListener("pointermove", pointed);
  document.addEventListener("pointerdown", pointed);
  document.addEventListener("scroll", hide, true);
  document.addEventListener("focusin", event => {
    const panel = event.target.closest?.("svg.panel");
    if (panel && panel.matches(":focus-visible")) step(panel);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", event => {
    const panel = event.target.closest?.("svg.panel");
    if (event.key === "Escape") hide();
    if (!panel || !/^(Arrow|Home|End)/.test(event.key) || !valuesOf(panel).flat().length) return;
    event.preventDefault();
    step(panel, event.key);
  });
  document.addEventListener("click", event => {
    if (event.target === dialog || event.target.closest?.("dialog .close")) return dialog.close();
    const figure = event.target.closest?.("button.enlarge, .enlarged")?.closest("body > figure, figure");
    if (figure && !figure.closest("dialog")) enlarge(figure);
  });
  dialog.addEventListener("close", hide);
})();

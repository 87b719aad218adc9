// Robustness against clean accuracy, and against the number of parameters.

const SNAP = 22;
const LONGEST = 24;
const LABEL = 14;

// The ends of an axis around shares, on whole tenths.
function span(shares) {
  const low = Math.max(0, Math.floor(10 * Math.min(...shares) - 0.3) / 10);
  const high = Math.ceil(10 * Math.max(...shares) + 0.3) / 10;
  return [low, Math.max(high, low + 0.2)];
}

function tenths([low, high]) {
  const step = high - low > 1.5 ? 5 : high - low > 0.5 ? 2 : 1;
  const ticks = [];
  for (let tick = step * Math.ceil((10 * low) / step - 1e-6); tick <= 10 * high + 1e-6; tick += step) ticks.push(tick / 10);
  return ticks;
}

function decades(counts) {
  const [low, high] = [Math.min(...counts) / 1.6, Math.max(...counts) * 1.6];
  const ticks = [];
  for (let power = 1; power < 1e14; power *= 10) {
    for (const first of high / low > 300 ? [1] : [1, 2, 5]) {
      if (first * power >= low && first * power <= high) ticks.push(first * power);
    }
  }
  return { low, high, ticks };
}

function drawScatter(board, entries, measure, chosen) {
  const which = board.measures.indexOf(measure);
  const clean = board.measures.indexOf("clean");
  const known = entries.filter((entry) => entry.values[which] !== null && entry.values[clean] !== null);
  if (!known.length) return [html("p", { class: "empty" }, "No entry that the table shows has all the numbers.")];
  const words = measure === "score" ? "score (%)" : "relative score (%)";
  const vertical = span(known.map((entry) => entry.values[which]));
  const y = (value) => (value - vertical[0]) / (vertical[1] - vertical[0]);
  const shared = {
    width: 460, height: 330, y, yTicks: tenths(vertical),
    yText: (share) => String(Math.round(100 * share)), yTitle: words,
  };
  const horizontal = span(known.map((entry) => entry.values[clean]));
  const accuracy = panel({
    ...shared, xTitle: "clean top-1 accuracy (%)", xTicks: tenths(horizontal),
    label: `${words} of ${known.length} entries against clean accuracy; the numbers are in the table below`,
    x: (value) => (value - horizontal[0]) / (horizontal[1] - horizontal[0]),
    xText: (share) => String(Math.round(100 * share)),
  });
  // A network without parameters has no place on a logarithmic axis.
  const sized = known.filter((entry) => entry.parameters > 0);
  const range = decades(sized.length ? sized.map((entry) => entry.parameters) : [1e6]);
  const size = panel({
    ...shared, xTitle: "parameters", xTicks: range.ticks,
    label: `${words} of ${sized.length} entries against parameters; the numbers are in the table below`,
    x: (value) => Math.log(value / range.low) / Math.log(range.high / range.low), xText: parameters,
  });
  scatterInto(accuracy, known, (entry) => entry.values[clean], which, chosen);
  scatterInto(size, sized, (entry) => entry.parameters, which, chosen);
  return [accuracy.figure, size.figure];
}

function scatterInto({ root, atX, atY }, entries, xOf, which, chosen) {
  const places = entries.map((entry) => ({ entry, x: atX(xOf(entry)), y: atY(entry.values[which]) }));
  // Chosen ones last, so that nothing covers them.
  places.sort((one, other) => chosen.has(one.entry) - chosen.has(other.entry));
  const labels = labelHeights(places.filter(({ entry }) => chosen.has(entry)));
  for (const { entry, x, y } of places) {
    if (!chosen.has(entry)) {
      root.append(svg("circle", { class: "dot", cx: x.toFixed(1), cy: y.toFixed(1), r: 3.4 }));
      continue;
    }
    const error = Z * (entry.errors[which] ?? 0);
    const [low, high] = [atY(entry.values[which] - error), atY(entry.values[which] + error)];
    root.append(svg("g", { class: `s${chosen.placeOf(entry)}` },
      svg("path", { class: "line", d: `M${x} ${low}V${high}` }),
      svg("g", { transform: `translate(${x} ${y}) scale(1.5)` }, mark(chosen.placeOf(entry), 0, 0)),
      nameBeside(entry.title, x, labels.get(entry), root.viewBox.baseVal.width)));
  }
  const nearest = (event) => {
    const [x, y] = pointerIn(root, event);
    const far = (place) => Math.hypot(place.x - x, place.y - y);
    const best = places.reduce((one, other) => (far(other) < far(one) ? other : one), places[0]);
    return best && far(best) < SNAP ? best.entry : null;
  };
  root.addEventListener("pointermove", (event) => {
    const entry = nearest(event);
    root.classList.toggle("over", entry !== null);
    if (entry === null) return tip.hide();
    const line = (name, text) =>
      html("div", {}, html("span", {}, name), html("span", { class: "num" }, text));
    return tip.show(event, entry.title, [
      line("score", percent(entry.values[0])), line("relative", percent(entry.values[1])),
      line("clean", percent(entry.values[2])), line("parameters", parameters(entry.parameters)),
    ]);
  });
  root.addEventListener("pointerleave", () => tip.hide());
  root.addEventListener("click", (event) => {
    const entry = nearest(event);
    if (entry !== null) chosen.toggle(entry);
  });
}

// Names one below the other where they would cover each other.
function labelHeights(places) {
  const heights = new Map();
  let last = -Infinity;
  for (const { entry, y } of [...places].sort((one, other) => one.y - other.y)) {
    last = Math.max(y, last + LABEL);
    heights.set(entry, last);
  }
  return heights;
}

function nameBeside(title, x, y, width) {
  const short = title.length > LONGEST ? `${title.slice(0, LONGEST - 1).trimEnd()}\u2026` : title;
  const isRight = x > 0.62 * width;
  const at = { class: "name", x: x + (isRight ? -9 : 9), y: y + 4, "text-anchor": isRight ? "end" : null };
  return svg("text", at, short);
}

function scatterTable(board, entries) {
  const rows = entries.map((entry) => [entry.title, percent(entry.values[0]), percent(entry.values[1]),
    percent(entry.values[2]), parameters(entry.parameters)]);
  return [plainTable("The entries that the table shows, per cent", ["Network", "Score", "Relative", "Clean", "Parameters"], rows)];
}

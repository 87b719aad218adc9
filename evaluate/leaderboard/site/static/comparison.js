// Two entries against each other: differences of their measures, and whether chance explains them.

const MEASURE_WORDS = ["ImageNet-Q score", "Relative score", "Clean top-1"];
const STEPS = [...Array(94).keys()].map((k) => String.fromCharCode(33 + k))
  .filter((character) => !"\"'\\<>&`".includes(character));

// The share of the unpaired error that pairing leaves; null if the two are not paired.
function pairedShare(one, other, measure) {
  for (const group of window.imagenetq_pairs ?? []) {
    const [i, j] = [group.entries.indexOf(one.place), group.entries.indexOf(other.place)];
    if (i < 0 || j < 0) continue;
    const [high, low] = [Math.max(i, j), Math.min(i, j)];
    const { from, to, steps } = group.measures[measure];
    const step = STEPS.indexOf(steps[(high * (high - 1)) / 2 + low]);
    return from + (step * (to - from)) / (STEPS.length - 1);
  }
  return null;
}

function differences(board, one, other) {
  const titles = [...MEASURE_WORDS, ...board.ladders.map((ladder) => ladder.title)];
  return board.measures.map((measure, i) => {
    const [a, b] = [one.values[i], other.values[i]];
    if (a === null || b === null) return { title: titles[i], value: null };
    const [ea, eb] = [one.errors[i], other.errors[i]];
    const share = pairedShare(one, other, measure);
    const error = ea === null || eb === null ? null : Math.hypot(ea, eb) * (share ?? 1);
    const half = error === null ? null : Z * error;
    return { title: titles[i], first: a, second: b, value: a - b, half, isPaired: share !== null };
  });
}

function verdict({ value, half }) {
  if (half === null) return "unknown";
  if (Math.abs(value) <= half) return "no clear difference";
  return value > 0 ? "first is better" : "second is better";
}

function drawComparison(board, one, other) {
  if (one === other) return [html("p", { class: "empty" }, "Choose two different entries.")];
  const found = differences(board, one, other);
  const rows = found.map((line) => line.value === null
    ? [line.title, DASH, DASH, DASH, DASH, "not measured"]
    : [line.title, percent(line.first), percent(line.second), points(line.value),
      line.half === null ? DASH : `${points(line.value - line.half)} to ${points(line.value + line.half)}`, verdict(line)]);
  const table = plainTable("First less second, in percentage points, with 95 % intervals",
    ["Measure", "First", "Second", "Difference", "Interval", "Verdict"], rows);
  found.forEach((line, i) => {
    if (line.value !== null && line.half !== null && Math.abs(line.value) > line.half) {
      table.tBodies[0].rows[i].className = line.value > 0 ? "won" : "lost";
    }
  });
  return [...remarks(one, other, found), html("div", { class: "columns versus" }, forest(found),
    html("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Differences" }, table))];
}

function remarks(one, other, found) {
  const isPaired = found.some((line) => line.isPaired);
  const told = [isPaired
    ? "Paired: both answered the same photographs, so what is hard for both does not count."
    : one.dataset === other.dataset
      ? "Unpaired: the predictions over the same images are not at hand, so the intervals are wider than they could be."
      : "Unpaired, and over different datasets: a difference may be the photographs’."];
  if (one.precision !== other.precision) told.push(`Different precisions: ${one.precision} and ${other.precision}.`);
  if ((Number(one.resize) >= 13) !== (Number(other.resize) >= 13)) told.push("Their versions of Pillow resize tall images in different order: inputs may differ by one grey level.");
  told.push("For a test of each level, run imagenetq compare on both entries’ folders.");
  return [html("p", { class: "small" }, told.join(" "))];
}

// A line a measure: the difference and its interval around zero.
function forest(found) {
  const known = found.filter((line) => line.value !== null);
  const reach = Math.max(0.02, ...known.map((line) => Math.abs(line.value) + (line.half ?? 0))) * 1.08;
  const [width, step, left] = [460, 30, 128];
  const at = (value) => left + ((value + reach) / (2 * reach)) * (width - left - 12);
  const height = step * known.length + 46;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "forest", "aria-label": "Differences with their intervals; the numbers are in the table beside" },
    svg("path", { class: "axis", d: `M${at(0)} 22V${height - 22}` }),
    svg("text", { x: at(0) - 8, y: 14, "text-anchor": "end" }, "\u2190 second better"),
    svg("text", { x: at(0) + 8, y: 14 }, "first better \u2192"));
  known.forEach((line, i) => {
    const y = 40 + step * i;
    const isClear = line.half !== null && Math.abs(line.value) > line.half;
    root.append(svg("text", { x: left - 10, y: y + 4, "text-anchor": "end" }, line.title),
      svg("g", { class: isClear ? (line.value > 0 ? "s0" : "s1") : "even" },
        svg("path", { class: "line", d: `M${at(line.value - (line.half ?? 0))} ${y}H${at(line.value + (line.half ?? 0))}` }),
        svg("circle", { class: "mark", cx: at(line.value), cy: y, r: 4.5 })));
  });
  const tick = Math.max(0.01, Math.round(50 * reach) / 100);
  for (const value of [-tick, tick]) {
    root.append(svg("path", { class: "grid", d: `M${at(value)} 26V${height - 22}` }),
      svg("text", { x: at(value), y: height - 6, "text-anchor": "middle" }, points(value)));
  }
  return html("figure", {}, root);
}

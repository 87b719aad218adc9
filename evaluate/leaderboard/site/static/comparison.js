// Two entries against each other: differences of their measures, and whether chance explains them.

const MEASURE_WORDS = ["ImageNet-Q score", "Relative score", "Clean top-1"];

// The share of the unpaired error that pairing leaves; null if the two are not paired.
function pairedShare(board, one, other, measure) {
  const { levels, groups } = board.pairs ?? { groups: [] };
  for (const { entries, steps } of groups) {
    const [i, j] = [entries.indexOf(one.place), entries.indexOf(other.place)];
    if (i < 0 || j < 0) continue;
    const [high, low] = [Math.max(i, j), Math.min(i, j)];
    return steps[measure][(high * (high - 1)) / 2 + low] / levels;
  }
  return null;
}

function differences(board, one, other) {
  const titles = [...MEASURE_WORDS, ...board.ladders.map((ladder) => ladder.title)];
  return board.measures.map((measure, i) => {
    const [a, b] = [one.values[i], other.values[i]];
    if (a === null || b === null) return { title: titles[i], value: null };
    const [ea, eb] = [one.errors[i], other.errors[i]];
    const share = pairedShare(board, one, other, measure);
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
  const table = plainTable("First less second, in percentage points, with 95\u00a0% intervals",
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
      ? "Unpaired: the predictions over the same photographs are not at hand, so the intervals are wider than they could be."
      : "Unpaired, and over different photographs: a difference may be theirs."];
  if (one.precision !== other.precision) told.push(`Different precisions: ${one.precision} and ${other.precision}.`);
  if ((Number(one.resize) >= 13) !== (Number(other.resize) >= 13)) told.push("Their versions of Pillow resize tall images in different order: inputs may differ by one grey level.");
  told.push("For a test of each level, run imagenetq compare on both entries’ folders.");
  return [html("p", { class: "small" }, told.join(" "))];
}

// A line a measure: the difference and its interval around zero.
function forest(found) {
  const known = found.filter((line) => line.value !== null).map((line) => ({
    ...line, low: line.value - (line.half ?? 0), high: line.value + (line.half ?? 0),
    stroke: { "first is better": colour(0), "second is better": colour(1) }[verdict(line)] ?? "var(--faint)",
  }));
  const reach = 1.08 * Math.max(0.02, ...known.flatMap(({ low, high }) => [-low, high]));
  return chart({
    label: "Differences with their intervals; the numbers are in the table beside",
    width: 460, height: 30 * known.length + 62, marginLeft: 156, marginBottom: 44, color: { type: "identity" },
    x: { ...centred("\u2190 second better   |   first better \u2192"), domain: [-reach, reach], ticks: 5, tickSize: 4, tickFormat: points, grid: true },
    y: { label: null, domain: known.map(({ title }) => title), tickSize: 0 },
    marks: [
      Plot.ruleX([0], { stroke: "var(--faint)" }),
      Plot.ruleY(known, { y: "title", x1: "low", x2: "high", stroke: "stroke", strokeWidth: 2 }),
      Plot.dot(known, { y: "title", x: "value", r: 4.5, fill: "stroke" }),
    ],
  });
}

// Robustness against clean accuracy, and against the number of parameters.

const [WIDTH, HEIGHT] = [460, 330];
const SNAP = 22;
const LABEL = 14;
// The width of a letter of a label, as large as on a phone.
const LETTER = 7.4;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 14, 12, 44];

// Ends of an axis around shares, on round numbers.
function span(shares) {
  const [low, high] = d3.extent(shares);
  return d3.nice(Math.max(0, low - 0.03), high + 0.03, 5);
}

function drawScatter(board, entries, measure, chosen) {
  const which = board.measures.indexOf(measure);
  const clean = board.measures.indexOf("clean");
  const known = entries.filter((entry) => entry.values[which] !== null && entry.values[clean] !== null);
  if (!known.length) return [html("p", { class: "empty" }, "No entry that the table shows has all the numbers.")];
  const words = measure === "score" ? "score (%)" : "relative score (%)";
  const y = { ...shareAxis(words, span(known.map((entry) => entry.values[which]))), tickSize: 0, grid: true };
  const accuracy = shareAxis("clean top-1 accuracy (%)", span(known.map((entry) => entry.values[clean])));
  // A network without parameters has no place on a logarithmic axis.
  const sized = known.filter((entry) => entry.parameters > 0);
  return [
    scatter(known, (entry) => entry.values[clean], which, chosen, {
      label: `${words} of ${known.length} entries against clean accuracy; the numbers are in the table below`, x: accuracy, y,
    }),
    scatter(sized, (entry) => entry.parameters, which, chosen, {
      label: `${words} of ${sized.length} entries against parameters; the numbers are in the table below`, x: sizeAxis(sized), y,
    }),
  ];
}

function sizeAxis(entries) {
  const [least = 1e6, most = 1e7] = d3.extent(entries, (entry) => entry.parameters);
  const domain = [least / 1.6, most * 1.6];
  const isRound = domain[1] / domain[0] > 300 ? /^10*$/ : /^[125]0*$/;
  const tickFormat = (count) => (isRound.test(String(count)) ? parameters(count) : "");
  return { ...centred("parameters"), type: "log", domain, tickSize: 4, tickFormat };
}

function scatter(entries, xOf, which, chosen, { label, x, y }) {
  const yOf = (entry) => entry.values[which];
  const ours = entries.filter(chosen.has);
  const across = (x.type === "log" ? d3.scaleLog : d3.scaleLinear)(x.domain, [0, 1]);
  const heights = labelHeights(ours, yOf, (LABEL / (HEIGHT - TOP - BOTTOM)) * (y.domain[1] - y.domain[0]));
  const figure = chart({
    label, x, y, width: WIDTH, height: HEIGHT, marginLeft: LEFT, marginTop: TOP, marginBottom: BOTTOM, tell,
    marks: [
      Plot.dot(entries.filter((entry) => !chosen.has(entry)), {
        x: xOf, y: yOf, r: 3.4, fill: "var(--faint)", fillOpacity: 0.5, className: "dots",
      }),
      // Chosen ones last, so that nothing covers them.
      ...ours.flatMap((entry) => {
        const [place, error] = [chosen.placeOf(entry), Z * (entry.errors[which] ?? 0)];
        return [
          Plot.ruleX([entry], { x: xOf, y1: yOf(entry) - error, y2: yOf(entry) + error, stroke: colour(place), strokeWidth: 2 }),
          dotMark([entry], place, { x: xOf, y: yOf, r: 5 }),
        ];
      }),
      // Names over the intervals of all, which would cross them out.
      ...ours.map((entry) => {
        const isRight = across(xOf(entry)) > 0.5;
        const room = Math.abs(across(xOf(entry)) - (isRight ? 0 : 1)) * (WIDTH - LEFT - RIGHT);
        return Plot.text([entry], {
          x: xOf, y: heights.get(entry), text: () => shortened(entry.title, room / LETTER), textAnchor: isRight ? "end" : "start", dx: isRight ? -9 : 9,
          fill: "var(--ink)", stroke: "var(--raised)", strokeWidth: 3,
        });
      }),
      Plot.dot(entries, Plot.pointer({ x: xOf, y: yOf, r: 8, stroke: "currentColor", maxRadius: SNAP })),
    ],
  });
  figure.querySelector("svg").addEventListener("click", ({ currentTarget }) => {
    if (currentTarget.value !== null) chosen.toggle(currentTarget.value);
  });
  return figure;
}

function tell(entry) {
  const line = (name, text) =>
    html("div", {}, html("span", {}, name), html("span", { class: "num" }, text));
  return [entry.title, [
    line("score", percent(entry.values[0])), line("relative", percent(entry.values[1])),
    line("clean", percent(entry.values[2])), line("parameters", parameters(entry.parameters)),
  ]];
}

const shortened = (text, most) =>
  (text.length > most ? `${text.slice(0, most - 1).trimEnd()}\u2026` : text);

// Names one below the other where they would cover each other.
function labelHeights(entries, yOf, step) {
  const heights = new Map();
  let last = Infinity;
  for (const entry of [...entries].sort((one, other) => yOf(other) - yOf(one))) {
    last = Math.min(yOf(entry), last - step);
    heights.set(entry, last);
  }
  return heights;
}

function scatterTable(board, entries) {
  const rows = entries.map((entry) => [entry.title, percent(entry.values[0]), percent(entry.values[1]),
    percent(entry.values[2]), parameters(entry.parameters)]);
  return [plainTable("The entries that the table shows, per cent", ["Network", "Score", "Relative", "Clean", "Parameters"], rows)];
}

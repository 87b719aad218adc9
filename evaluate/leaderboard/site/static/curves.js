// Accuracy against level: a panel a distortion, mild on the left, strong on the right.

const PAPER_DASHES = [null, "5 3", "5 2 1 2", "1.5 2.5"];

// An entry's points on a ladder: parameter, count and interval; clean first where it has a place.
function curveOf(board, entry, ladder, metric) {
  const start = board.undistorted[ladder.name];
  const rungs = ladder.values.filter((value) => value !== start)
    .map((value) => [value, `${ladder.name}-${ladder.name === "contrast" ? value.toFixed(1) : value}`]);
  if (start !== undefined) rungs.unshift([start, "clean"]);
  return rungs
    .map(([value, name]) => [value, entry[metric][board.places.get(name)]])
    .filter(([, count]) => count !== null)
    .map(([value, count]) => ({ at: value, ...wilson(count, entry.images) }));
}

function ticksOf(ladder) {
  return { blur: [0, 3, 6, 9], noise: [0, 50, 100], contrast: [1, 0.5, 0], jpeg: [20, 14, 8, 2], jpeg2000: [40, 30, 20] }[ladder.name];
}

const paperCurves = (board, ladder, metric, withPaper) =>
  withPaper ? board.paper.curves.filter((c) => c.distortion === ladder.name && c.metric === metric) : [];

function drawCurves(board, shown, metric, withPaper) {
  const many = shown.length ? `${shown.length} chosen networks` : "no network";
  return board.ladders.map((ladder) => {
    const start = board.undistorted[ladder.name] ?? ladder.values[0];
    const paper = paperCurves(board, ladder, metric, withPaper);
    const lines = shown.map((entry, place) => ({ entry, place, curve: curveOf(board, entry, ladder, metric) }));
    const levels = [...new Set(lines.flatMap(({ curve }) => curve.map(({ at }) => at)))];
    const at = { x: "at", y: "value" };
    return chart({
      title: ladder.title, width: 300, height: 236, marginLeft: 36, marginBottom: 38,
      label: `${ladder.title}: ${metric === "top1" ? "top-1" : "top-5"} accuracy of ${many} against ${ladder.axis}; the numbers are in the table below`,
      x: { ...centred(ladder.axis), domain: [start, ladder.values.at(-1)], ticks: ticksOf(ladder), tickFormat: String, tickSize: 4, inset: 5 },
      y: { ...shareAxis(null, [0, 1]), tickSize: 0, grid: true },
      tell: (level) => told(ladder, lines, paper, level),
      marks: [
        Plot.ruleY([0], { stroke: "var(--faint)" }),
        Plot.ruleX(levels, Plot.pointerX({ x: Number, stroke: "var(--faint)", strokeDasharray: "2 2", maxRadius: Infinity })),
        ...paper.map((curve) => paperMark(board, curve)),
        ...lines.filter(({ curve }) => curve.length).flatMap(({ place, curve }) => [
          Plot.areaY(curve, { x: "at", y1: "low", y2: "high", fill: colour(place), fillOpacity: bandOpacity(shown.length), className: `band-${place}` }),
          lineMark(curve, place, at), dotMark(curve, place, at),
        ]),
      ],
    });
  });
}

const paperLook = (number) =>
  ({ stroke: "var(--faint)", strokeWidth: 1.1, strokeDasharray: PAPER_DASHES[number], className: "paper" });

function paperMark(board, curve) {
  const points = curve.values.map((value, i) => [value, curve.accuracy[i]]);
  return Plot.line(points, paperLook(board.paper.networks.indexOf(curve.network)));
}

// All lines' values at a level.
function told(ladder, lines, paper, level) {
  const now = lines.map(({ entry, place, curve }) =>
    html("div", {}, swatch(place), html("bdi", {}, entry.title),
      html("span", { class: "num" }, withInterval(curve.find(({ at }) => at === level) ?? null))));
  const old = paper.filter((curve) => curve.values.includes(level)).map((curve) =>
    html("div", { class: "old" }, html("span", {}, `${curve.network}, 2016`),
      html("span", { class: "num" }, percent(curve.accuracy[curve.values.indexOf(level)], 0))));
  return [`${ladder.title}, ${ladder.axis.replace(/ \(.*/, "")} ${level}`, [...now, ...old]];
}

function paperLegend(board) {
  const items = board.paper.networks.map((network, number) =>
    html("li", {}, swatchOf(network, () => [Plot.line([[0, 1], [2, 1]], paperLook(number))]), network));
  return html("div", { class: "legend" }, html("p", { class: "small" }, `Grey: ${board.paper.source}. Other photographs, the same distortions.`),
    html("ul", {}, ...items));
}

function curvesTables(board, shown, metric, withPaper) {
  return board.ladders.map((ladder) => {
    const curves = shown.map((entry) => [entry.title, curveOf(board, entry, ladder, metric)]);
    const paper = paperCurves(board, ladder, metric, withPaper);
    const start = board.undistorted[ladder.name];
    const levels = start === undefined ? ladder.values : [start, ...ladder.values.filter((value) => value !== start)];
    const rows = [
      ...curves.map(([title, curve]) =>
        [title, ...levels.map((level) => intervalCell(curve.find(({ at }) => at === level) ?? null))]),
      ...paper.map((curve) => [`${curve.network}, 2016`, ...levels.map((level) => {
        const place = curve.values.indexOf(level);
        return place < 0 ? DASH : percent(curve.accuracy[place], 0);
      })]),
    ];
    const caption = `${ladder.title}, ${ladder.axis}: ${metric === "top1" ? "top-1" : "top-5"} accuracy in per cent (95\u00a0% interval)`;
    return plainTable(caption, ["Network", ...levels.map(String)], rows);
  });
}

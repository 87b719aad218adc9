// Accuracy against level: a panel a distortion, mild on the left, strong on the right.

const PAPER_DASHES = ["none", "5 3", "5 2 1 2", "1.5 2.5"];

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

function drawCurves(board, shown, metric, withPaper) {
  return board.ladders.map((ladder) => {
    const start = board.undistorted[ladder.name] ?? ladder.values[0];
    const end = ladder.values.at(-1);
    const many = shown.length ? `${shown.length} chosen networks` : "no network";
    const made = panel({
      title: ladder.title, width: 300, height: 236,
      label: `${ladder.title}: ${metric === "top1" ? "top-1" : "top-5"} accuracy of ${many} against ${ladder.axis}; the numbers are in the table below`,
      x: (value) => 0.02 + (0.96 * (value - start)) / (end - start), y: (share) => share,
      xTicks: ticksOf(ladder), yTicks: [0, 0.2, 0.4, 0.6, 0.8, 1],
      xText: String, yText: (share) => String(Math.round(100 * share)), xTitle: ladder.axis,
    });
    const paper = withPaper
      ? board.paper.curves.filter((c) => c.distortion === ladder.name && c.metric === metric)
      : [];
    for (const curve of paper) made.root.append(paperLine(board, made, curve));
    const lines = shown.map((entry, place) => ({ entry, place, curve: curveOf(board, entry, ladder, metric) }));
    for (const { place, curve } of lines) if (curve.length) made.root.append(line(made, curve, place));
    follow(made, ladder, lines, paper);
    return made.figure;
  });
}

function line({ atX, atY }, curve, place) {
  const path = (key, from) =>
    from.map((point) => `${atX(point.at).toFixed(1)} ${atY(point[key]).toFixed(1)}`).join("L");
  const band = `M${path("high", curve)}L${path("low", [...curve].reverse())}Z`;
  return svg("g", { class: `s${place}` },
    svg("path", { class: "band", d: band }),
    svg("path", { class: "line", d: `M${path("value", curve)}`, "stroke-dasharray": dash(place) }),
    ...curve.map((point) => mark(place, atX(point.at).toFixed(1), atY(point.value).toFixed(1))));
}

function paperLine(board, { atX, atY }, curve) {
  const path = curve.values.map((value, i) => `${atX(value).toFixed(1)} ${atY(curve.accuracy[i]).toFixed(1)}`);
  const number = board.paper.networks.indexOf(curve.network);
  return svg("path", { class: "paper", d: `M${path.join("L")}`, "stroke-dasharray": PAPER_DASHES[number] });
}

// Tell all lines' values at the level nearest to the pointer.
function follow({ root, atX }, ladder, lines, paper) {
  const ruler = svg("path", { class: "ruler" });
  root.append(ruler);
  const levels = [...new Set(lines.flatMap(({ curve }) => curve.map(({ at }) => at)))];
  root.addEventListener("pointermove", (event) => {
    if (!levels.length) return;
    const [x] = pointerIn(root, event);
    const level = levels.reduce((best, at) =>
      Math.abs(atX(at) - x) < Math.abs(atX(best) - x) ? at : best);
    ruler.setAttribute("d", `M${atX(level)} 10V200`);
    const told = lines.map(({ entry, place, curve }) => {
      const point = curve.find(({ at }) => at === level) ?? null;
      return html("div", { class: `s${place}` }, swatch(place), html("bdi", {}, entry.title),
        html("span", { class: "num" }, withInterval(point)));
    });
    const old = paper.filter((curve) => curve.values.includes(level)).map((curve) =>
      html("div", { class: "old" }, html("span", {}, `${curve.network}, 2016`),
        html("span", { class: "num" }, percent(curve.accuracy[curve.values.indexOf(level)], 0))));
    tip.show(event, `${ladder.title}, ${ladder.axis.replace(/ \(.*/, "")} ${level}`, [...told, ...old]);
  });
  root.addEventListener("pointerleave", () => {
    ruler.removeAttribute("d");
    tip.hide();
  });
}

function paperLegend(board) {
  const items = board.paper.networks.map((network, number) =>
    html("li", {}, svg("svg", { class: "swatch", viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" },
      svg("path", { class: "paper", d: "M0 5H26", "stroke-dasharray": PAPER_DASHES[number] })), network));
  return html("div", { class: "legend" }, html("p", { class: "small" }, `Grey: ${board.paper.source}. Other photographs, the same distortions.`),
    html("ul", {}, ...items));
}

function curvesTables(board, shown, metric, withPaper) {
  return board.ladders.map((ladder) => {
    const curves = shown.map((entry) => [entry.title, curveOf(board, entry, ladder, metric)]);
    const paper = withPaper ? board.paper.curves.filter((c) => c.distortion === ladder.name && c.metric === metric) : [];
    const start = board.undistorted[ladder.name];
    const levels = start === undefined ? ladder.values : [start, ...ladder.values.filter((value) => value !== start)];
    const rows = [
      ...curves.map(([title, curve]) =>
        [title, ...levels.map((level) => withInterval(curve.find(({ at }) => at === level) ?? null))]),
      ...paper.map((curve) => [`${curve.network}, 2016`, ...levels.map((level) => {
        const place = curve.values.indexOf(level);
        return place < 0 ? DASH : percent(curve.accuracy[place], 0);
      })]),
    ];
    const caption = `${ladder.title}, ${ladder.axis}: ${metric === "top1" ? "top-1" : "top-5"} accuracy in per cent (95 % interval)`;
    return plainTable(caption, ["Network", ...levels.map(String)], rows);
  });
}

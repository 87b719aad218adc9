// Whether two entries fail on the same photographs: kappa, computed as docs/scores.md says.

const FEWEST = 5;

// The bits of an entry: whether it is right, a row a variant.
function bitsOf(held) {
  const bytes = bytesOf(held.bits);
  const width = Math.ceil(held.n / 8);
  return (place, i) => (bytes[place * width + (i >> 3)] >> (7 - (i & 7))) & 1;
}

// Kappa over some variants, and how much each photograph moves it; null if none can be missed.
function kappa(n, one, other, places) {
  const share = (bit, place) => {
    let count = 0;
    for (let i = 0; i < n; i += 1) count += bit(place, i);
    return count / n;
  };
  const shares = places.map((place) => [share(one, place), share(other, place)]);
  const sum = (of) => shares.reduce((total, [p, q]) => total + of(p, q), 0);
  const expected = sum((p, q) => p * (1 - q) + q * (1 - p));
  if (expected === 0) return null;
  const apart = new Float64Array(n);
  const moved = new Float64Array(n);
  places.forEach((place, k) => {
    const [p, q] = shares[k];
    for (let i = 0; i < n; i += 1) {
      const [a, b] = [one(place, i), other(place, i)];
      apart[i] += a ^ b;
      moved[i] += (a - p) * (1 - 2 * q) + (b - q) * (1 - 2 * p);
    }
  });
  const observed = apart.reduce((total, value) => total + value, 0) / n;
  const byChance = [
    (p, q) => p * q, (p, q) => p * (1 - q), (p, q) => (1 - p) * q, (p, q) => (1 - p) * (1 - q),
  ];
  return {
    value: 1 - observed / expected,
    influence: apart.map((value, i) => ((observed / expected) * moved[i] - (value - observed)) / expected),
    isLarge: byChance.every((of) => n * sum(of) >= FEWEST),
  };
}

function meanKappa(found) {
  if (found.some((one) => one === null)) return null;
  const mean = (of) => found.reduce((total, one) => total + of(one), 0) / found.length;
  return {
    value: mean((one) => one.value),
    influence: found[0].influence.map((_, i) => mean((one) => one.influence[i])),
    isLarge: found.every((one) => one.isLarge),
  };
}

// With its 95 % interval, where the sample is large enough for one.
function withEnds(found) {
  if (found === null) return null;
  const { value, influence, isLarge } = found;
  const n = influence.length;
  if (!isLarge || n < 2) return { value, low: null, high: null };
  const half = Z * Math.sqrt(influence.reduce((total, one) => total + one * one, 0) / (n - 1) / n);
  return { value, low: value - half, high: value + half };
}

function consistencyOf(board, first, second) {
  const [one, other] = [bitsOf(first), bitsOf(second)];
  const places = new Map(board.compared.map((name, place) => [name, place]));
  const over = (names) => kappa(first.n, one, other, names.map((name) => places.get(name)));
  const levels = board.ladders.map((ladder) => ladder.values
    .map((value) => [value, `${ladder.name}-${ladder.name === "contrast" ? value.toFixed(1) : value}`])
    .filter(([, name]) => places.has(name)));
  const whole = levels.map((rungs) => over(rungs.map(([, name]) => name)));
  const clean = withEnds(over(["clean"]));
  return {
    rows: [
      ["Clean", clean],
      ...board.ladders.map(({ title }, i) => [title, withEnds(whole[i])]),
      ["Mean of the five", withEnds(meanKappa(whole))],
    ],
    levels: levels.map((rungs, i) => {
      const start = board.undistorted[board.ladders[i].name];
      const curve = rungs.map(([at, name]) => [at, withEnds(over([name]))]);
      if (start !== undefined) curve.unshift([start, clean]);
      return curve.filter(([, held]) => held !== null).map(([at, held]) => ({ at, ...held }));
    }),
  };
}

const twoPlaces = (value) => value.toFixed(2).replace("-", MINUS);

function drawKappas(board, first, second) {
  const found = consistencyOf(board, first, second);
  const scrolled = (label, ...tables) =>
    html("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label }, ...tables);
  const cells = (held) => held === null ? [DASH, DASH]
    : [twoPlaces(held.value), held.low === null ? DASH : `${twoPlaces(held.low)} to ${twoPlaces(held.high)}`];
  const table = plainTable(
    "Cohen\u2019s kappa of being right: 0 where both fail on the same photographs no more often than by chance, 1 where always",
    ["Images", "Kappa", "95\u00a0% interval"], found.rows.map(([title, held]) => [title, ...cells(held)]));
  const byLevel = board.ladders.map((ladder, i) => plainTable(`${ladder.title}, ${ladder.axis}: kappa`,
    ["", ...found.levels[i].map(({ at }) => String(at))],
    [["Kappa", ...found.levels[i].map(({ value }) => twoPlaces(value))]]));
  return [
    scrolled("Error consistency", table),
    html("div", { class: "panels" }, ...board.ladders.map((ladder, i) => kappaChart(board, ladder, found.levels[i]))),
    html("details", {}, html("summary", {}, "Every level as a table"), scrolled("Kappa by level", ...byLevel)),
  ];
}

function kappaChart(board, ladder, curve) {
  const start = board.undistorted[ladder.name] ?? ladder.values[0];
  const banded = curve.filter(({ low }) => low !== null);
  const at = { x: "at", y: "value" };
  return chart({
    title: ladder.title, width: 300, height: 200, marginLeft: 36, marginBottom: 38,
    label: `${ladder.title}: kappa against ${ladder.axis}; the numbers are in the table below`,
    x: { ...centred(ladder.axis), domain: [start, ladder.values.at(-1)], ticks: ticksOf(ladder), tickFormat: String, tickSize: 4, inset: 5 },
    y: { ...centred(null), domain: [-0.25, 1], clamp: true, ticks: [0, 0.5, 1], tickSize: 0, grid: true },
    marks: [
      Plot.ruleY([0], { stroke: "var(--faint)" }),
      Plot.areaY(banded, { x: "at", y1: "low", y2: "high", fill: colour(0), fillOpacity: 0.14 }),
      ...(curve.length ? [lineMark(curve, 0, at), dotMark(curve, 0, at)] : []),
    ],
  });
}

// The answers of an entry, asked for once; null where they cannot be had.
const asked = new Map();

function answersOf(entry) {
  if (!entry.answers) return Promise.resolve(null);
  if (!asked.has(entry.name)) {
    asked.set(entry.name, new Promise((resolve) => {
      const script = html("script", { src: `answers/${entry.name}.js` });
      script.addEventListener("load", () => resolve(window.imagenetq_answers?.[entry.name] ?? null));
      script.addEventListener("error", () => resolve(null));
      document.head.append(script);
    }));
  }
  return asked.get(entry.name);
}

async function drawConsistency(board, one, other) {
  const say = (text) => [html("p", { class: "small" }, text)];
  if (one === other) return [];
  const [first, second] = await Promise.all([answersOf(one), answersOf(other)]);
  if (!first || !second) return say("Not known: the answers of one of the two are not at hand.");
  if (first.images !== second.images) return say("Not known: the two answered different photographs.");
  return drawKappas(board, first, second);
}

// The page of any entry: `entry.html?name=NAME` shows the one of that name.

const NO_COMMAND = "# Not shown: the model\u2019s name or an argument could load code or files. Look at them below first.";

async function entryPage(board) {
  const name = new URLSearchParams(location.search).get("name") ?? "";
  const entry = board.named.get(name);
  find(entry ? "#entry" : "#unknown").hidden = false;
  if (!entry) return;
  const record = (await inflated(window.imagenetq_records))[entry.place];
  document.title = `${entry.title} \u2013 ${document.title}`;
  find("#title").textContent = entry.title;
  find("#standing").textContent = record.standing;
  find("#warnings").append(...record.warnings.map((warning) =>
    html("p", { class: "notice", role: "note" }, html("b", {}, "The evaluation warned: "), warning)));
  find("#scores").append(...scoreTables(board, entry, record));
  find("#curves").append(...drawCurves(board, [entry], "top1", true), paperLegend(board));
  whenOpened("#levels-table", () => [levelsTable(board, entry, record)]);
  // The name is a folder's, so it needs no quotes; the options come quoted.
  find("#again").textContent = !record.options ? NO_COMMAND : `imagenetq eval ${record.options} --out reproduced/${name}
imagenetq compare reproduced/${name}/* leaderboard/entries/${name}`;
  find("#unsaid").append(...record.unsaid.map((note) => html("p", {}, note)));
  find("#rerun").textContent = `imagenetq leaderboard check leaderboard/entries/${name} --data DATASET --rerun 500`;
  find("#facts").append(...facts(entry, record));
}

function scoreTables(board, entry, record) {
  const titles = [...MEASURE_WORDS, ...board.ladders.map(({ title }) => `${title}, mean`)];
  const tables = [
    plainTable("Per cent, with 95\u00a0% intervals", ["Measure", "Value", "Interval"],
      titles.map((title, i) => [title, percent(entry.values[i]), record.ranges[i] || DASH])),
    plainTable("Where top-1 accuracy falls to a share of clean", ["Distortion", "to 90\u00a0%", "to 50\u00a0%"],
      board.ladders.map(({ title, parameter }, i) =>
        [title, ...record.falls[i].map((fall) => (typeof fall === "number" ? `${parameter} ${fall}` : fall))])),
  ];
  if (record.sizes.length) {
    tables.push(plainTable("By the photographs\u2019 shorter side", ["Pixels", "Photographs", "Clean", "Score"],
      record.sizes.map((cells) => cells.map((cell) => cell ?? DASH))));
  }
  for (const labels of record.other_labels) {
    const left = labels.unlabelled === "0" ? "" : `; ${labels.unlabelled} photographs without a label in it are left out`;
    tables.push(plainTable(
      `By other labels, ${labels.name} (SHA-256 ${labels.sha256.slice(0, 12)}): top-1 in per cent over ${labels.images} photographs${left}. It does not enter the score`,
      ["Measure", "Own labels", "Other labels"], labels.rows.map((cells) => cells.map((cell) => cell ?? DASH))));
  }
  return tables;
}

function levelsTable(board, entry, record) {
  const share = (count) => intervalCell(count === null ? null : wilson(count, entry.images));
  const mille = (number) => (number === null ? DASH : number.toFixed(3));
  return plainTable("Top-1 and top-5 accuracy in per cent (95\u00a0% interval), mean probability of the true class, calibration error",
    ["Variant", "Top-1", "Top-5", "True class", "Calibration"],
    board.variants.map((variant, i) =>
      [variant, share(entry.top1[i]), share(entry.top5[i]), mille(record.confidence[i]), mille(record.calibration[i])]));
}

function facts(entry, record) {
  const groups = {
    "Submitter\u2019s words": [
      ["Link", link(record.link)], ["Paper", link(record.paper)],
      ["Training data", record.training_data], ["Notes", record.notes],
    ],
    Network: [
      ["model", entry.model], ["parameters", entry.parameters.toLocaleString("en")],
      ["weights SHA-256", record.weights], ...record.network, ["precision", entry.precision],
      ["clean check", record.clean_check],
    ],
    Preprocessing: record.preprocessing,
    Constructor: record.arguments,
    Dataset: [...record.dataset, ["predictions SHA-256", record.predictions]],
    Software: [["commit", record.commit], ...record.software],
    Hardware: record.hardware,
  };
  return Object.entries(groups).filter(([, pairs]) => pairs.length).map(([heading, pairs]) =>
    html("div", {}, html("h3", {}, heading),
      html("dl", {}, ...pairs.flatMap(([term, words]) => [html("dt", {}, term), html("dd", {}, words)]))));
}

// Whether an address is one of the web was decided where it was read.
const link = ({ text, is_link: isLink }) =>
  (isLink ? html("a", { href: text, rel: "noopener noreferrer nofollow" }, text) : text);

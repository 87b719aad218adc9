// Put the parts together.

function prepared(board) {
  board.entries.forEach((entry, place) => {
    entry.place = place;
    entry.shown = true;
    entry.words = `${entry.title} ${entry.model} ${entry.name}`.toLowerCase();
  });
  board.named = new Map(board.entries.map((entry) => [entry.name, entry]));
  board.places = new Map(board.variants.map((name, place) => [name, place]));
  board.paper.networks = [...new Set(board.paper.curves.map((curve) => curve.network))];
  return board;
}

function rankingPage(board) {
  const metric = find("#metric");
  const measure = find("#measure");
  const paper = find("#paper");
  const refreshCurves = whenOpened("#curves-table", () =>
    curvesTables(board, chosen.entries(), metric.value, paper.checked));
  const refreshPoints = whenOpened("#scatter-table", () => scatterTable(board, seen()));
  const seen = () => board.entries.filter((entry) => entry.shown);

  function curves() {
    find("#curves-mixed").replaceChildren(...mixtureNote(board, chosen.entries()));
    find("#curves").replaceChildren(...drawCurves(board, chosen.entries(), metric.value, paper.checked),
      ...(paper.checked ? [paperLegend(board)] : []));
    refreshCurves();
  }

  function points() {
    find("#scatter-mixed").replaceChildren(...mixtureNote(board, seen()));
    find("#scatter").replaceChildren(...drawScatter(board, seen(), measure.value, chosen));
    refreshPoints();
  }

  // Many keys in a row are drawn once.
  let waiting = 0;
  const later = (draw) => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  };
  let chosen = null;
  const table = makeTable(board, () => chosen && later(points));
  chosen = makeChosen(board, table, () => {
    curves();
    points();
  });
  const compare = comparing(board);

  for (const [control, key, first] of [[metric, "metric", "top1"], [measure, "y", "relative"]]) {
    control.addEventListener("change", () => {
      address.set({ [key]: control.value === first ? "" : control.value });
      (key === "metric" ? curves : points)();
    });
  }
  paper.addEventListener("change", () => {
    address.set({ paper: paper.checked ? "" : "no" });
    curves();
  });

  function apply() {
    metric.value = address.get("metric") === "top5" ? "top5" : "top1";
    measure.value = address.get("y") === "score" ? "score" : "relative";
    paper.checked = address.get("paper") !== "no";
    table.apply();
    chosen.apply();
    compare();
  }
  address.read();
  address.onChange(apply);
  apply();
}

function comparing(board) {
  const [first, second] = [find("#first"), find("#second")];
  for (const select of [first, second]) select.append(...board.entries.map((e) => option(e.name, e.title)));

  // Large where there are many entries, so it is loaded when somebody comes near.
  let isAsked = false;
  let isThere = false;
  const chosenTwo = () => [board.named.get(first.value), board.named.get(second.value)];
  const draw = () => {
    if (!isThere) return;
    const two = chosenTwo();
    find("#comparison").replaceChildren(...drawComparison(board, ...two));
    find("#h-consistency").hidden = two[0] === two[1];
    drawConsistency(board, ...two).then((parts) => {
      // Others may have been chosen meanwhile.
      if (chosenTwo().every((entry, i) => entry === two[i])) find("#consistency").replaceChildren(...parts);
    });
  };
  const come = () => {
    isThere = true;
    draw();
  };
  const load = () => {
    if (isAsked) return;
    isAsked = true;
    const script = html("script", { src: "pairs.js" });
    script.addEventListener("load", async () => {
      board.pairs = await inflated(window.imagenetq_pairs);
      come();
    });
    // Then all comparisons are unpaired, and say so.
    script.addEventListener("error", come);
    document.head.append(script);
  };
  new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && load(), { rootMargin: "600px" })
    .observe(find("#compare"));

  const changed = () => {
    address.set({ first: first.value, second: second.value });
    load();
    draw();
  };
  first.addEventListener("change", changed);
  second.addEventListener("change", changed);
  find("#swap").addEventListener("click", () => {
    [first.value, second.value] = [second.value, first.value];
    changed();
  });
  return () => {
    const given = (key, place) => board.named.get(address.get(key)) ?? board.entries[place] ?? board.entries[0];
    first.value = given("first", 0).name;
    second.value = given("second", 1).name;
    draw();
  };
}

function themeButton() {
  const button = find("#theme");
  const isDark = () => {
    const { theme } = document.documentElement.dataset;
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    label();
    try {
      localStorage.setItem("imagenetq-theme", theme);
    } catch {
      // It lasts as long as the page, then.
    }
  });
  label();
}

// What stands in a block of code, to the clipboard; where a page may not write there, it is selected.
function copyButtons() {
  for (const block of document.querySelectorAll("pre")) {
    const code = block.querySelector("code");
    // A line breaks between words, never inside an option.
    code.replaceChildren(...code.textContent.split(/(\s+)/).map((word) =>
      (word.trim() ? html("span", {}, word) : word)));
    const button = html("button", { type: "button", class: "copy", "aria-label": "Copy the commands" }, "Copy");
    const frame = html("div", { class: "code" });
    block.replaceWith(frame);
    frame.append(block, button);
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(block);
      let isCopied = false;
      try {
        await navigator.clipboard.writeText(block.textContent);
        isCopied = true;
      } catch {
        isCopied = document.execCommand("copy");
      }
      button.textContent = isCopied ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
}

themeButton();
document.body.append(tip.box);
if (window.imagenetq_board) {
  find("#main").ariaBusy = "true";
  const board = prepared(await inflated(window.imagenetq_board));
  if (document.body.dataset.page === "entry") await entryPage(board);
  else if (board.entries.length) {
    for (const section of document.querySelectorAll(".needs-script")) section.hidden = false;
    rankingPage(board);
  }
}
copyButtons();
find("#main").ariaBusy = null;

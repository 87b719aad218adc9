// The chosen entries: ticked in the table, listed with their colours, drawn in the charts.

const MOST = 8;
const AT_FIRST = 3;

function makeChosen(board, table, onChange) {
  const boxes = new Map();
  let names = [];

  for (const row of table.rows) {
    const { entry } = row;
    const box = html("input", { type: "checkbox", "aria-label": `Show ${entry.title} in charts` });
    box.addEventListener("change", () => toggle(entry));
    row.cells[0].append(box);
    boxes.set(entry.name, box);
  }
  const add = find("#add");
  add.append(option("", "an entry .."), ...board.entries.map((e) => option(e.name, e.title)));
  add.addEventListener("change", () => {
    const entry = board.named.get(add.value);
    add.value = "";
    if (entry && !names.includes(entry.name)) toggle(entry);
  });
  find("#chosen").hidden = false;

  // The first ones, of one dataset, are no choice, and need not be in the address.
  const first = () => board.entries.filter(({ dataset }) => dataset === board.entries[0].dataset)
    .slice(0, AT_FIRST).map((entry) => entry.name);

  function toggle(entry) {
    if (names.includes(entry.name)) names = names.filter((name) => name !== entry.name);
    else if (names.length < MOST) names = [...names, entry.name];
    address.set({ chosen: String(names) === String(first()) ? "" : names.join(",") || "none" });
    refresh();
  }

  function chip(name, place) {
    const { title } = board.named.get(name);
    const remove = html("button", { type: "button", class: "quiet", "aria-label": `Remove ${title}` },
      "\u00d7");
    remove.addEventListener("click", () => {
      toggle(board.named.get(name));
      (find("#chips button") ?? add).focus();
    });
    return html("li", {}, swatch(place), html("bdi", {}, title), remove);
  }

  function refresh() {
    const isFull = names.length === MOST;
    for (const [name, box] of boxes) {
      box.checked = names.includes(name);
      box.disabled = isFull && !box.checked;
    }
    for (const row of table.rows) row.classList.toggle("on", names.includes(row.entry.name));
    add.disabled = isFull;
    find("#n-chosen").textContent = `${names.length} of at most ${MOST}, for the charts below`;
    find("#chips").replaceChildren(...names.map(chip));
    onChange();
  }

  return {
    toggle,
    has: (entry) => names.includes(entry.name),
    placeOf: (entry) => names.indexOf(entry.name),
    entries: () => names.map((name) => board.named.get(name)),
    apply() {
      const given = address.get("chosen");
      const known = given.split(",").filter((name) => board.named.has(name));
      names = given ? [...new Set(known)].slice(0, MOST) : first();
      refresh();
    },
  };
}

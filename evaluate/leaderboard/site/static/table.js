// The table: rows stand in the page; this sorts and filters them within their sections.

const FILTERS = ["q", "source", "size", "data"];
const ROWS_AT_FIRST = 100;
const NAMES_FIRST = new Set(["title", "rank"]);

function makeTable(board, onFilter) {
  const table = find("#board");
  const heads = [...table.querySelectorAll("th[data-sort]")];
  const bodies = [...table.tBodies];
  const rows = bodies.map((body) => [...body.rows].slice(1));
  let place = 0;
  for (const body of rows) for (const row of body) row.entry = board.entries[place++];
  const inputs = Object.fromEntries(FILTERS.map((name) => [name, find(`#${name}`)]));
  let order = { key: "score", up: false };

  const valueOf = (entry, key) => {
    if (key === "title" || key === "rank" || key === "parameters") return entry[key];
    return entry.values[board.measures.indexOf(key)];
  };

  function sort() {
    const sign = order.up ? 1 : -1;
    const compare = (one, other) => {
      const [a, b] = [valueOf(one.entry, order.key), valueOf(other.entry, order.key)];
      // What is missing comes last, whatever the direction.
      if (a === null || b === null) return (a === null) - (b === null) || stable(one, other);
      const first = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
      return sign * first || stable(one, other);
    };
    rows.forEach((body, number) => {
      body.sort(compare);
      bodies[number].append(...body);
    });
    show();
    for (const head of heads) {
      if (head.dataset.sort === order.key) {
        head.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      } else head.removeAttribute("aria-sort");
    }
  }

  const stable = (one, other) => one.entry.place - other.entry.place;

  function filter() {
    const wanted = inputs.q.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const { source, size, data } = inputs;
    for (const entry of board.entries) {
      entry.shown = wanted.every((word) => entry.words.includes(word)) &&
        (!source.value || entry.source === source.value) &&
        (!size.value || entry.size === size.value) &&
        (!data.value || String(entry.dataset) === data.value);
    }
    show();
    onFilter();
  }

  // The browser lays out every row of a table anew when one moves, so it gets few until asked.
  let most = ROWS_AT_FIRST;
  function show() {
    let fitting = 0;
    rows.forEach((body, number) => {
      for (const row of body) {
        fitting += row.entry.shown;
        row.hidden = !row.entry.shown || fitting > most;
      }
      bodies[number].hidden = body.every((row) => row.hidden);
    });
    const all = board.entries.length;
    const found = fitting === all ? `${all} ${all === 1 ? "entry" : "entries"}` : `${fitting} of ${all} entries`;
    find("#found").textContent = found +
      (fitting === 0 ? ": nothing fits these filters" : fitting > most ? `, the first ${most} shown` : "");
    find("#all").hidden = fitting <= most;
  }

  function sortBy(key) {
    const up = order.key === key ? !order.up : NAMES_FIRST.has(key);
    order = { key, up };
    sort();
    const isFirst = key === "score" && !up;
    address.set({ sort: isFirst ? "" : key, order: isFirst ? "" : up ? "up" : "down" });
  }

  for (const head of heads) {
    const button = html("button", { type: "button" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => sortBy(head.dataset.sort));
  }
  for (const [name, input] of Object.entries(inputs)) {
    input.addEventListener("input", () => {
      address.set({ [name]: input.value });
      filter();
    });
  }
  find("#reset").addEventListener("click", () => {
    for (const input of Object.values(inputs)) input.value = "";
    address.set(Object.fromEntries(FILTERS.map((name) => [name, ""])));
    filter();
    inputs.q.focus();
  });
  find("#all").addEventListener("click", () => {
    most = Infinity;
    show();
    find(".tall").focus();
  });
  find("#filters").hidden = false;

  return {
    rows: rows.flat(),
    apply() {
      const key = address.get("sort");
      const isKnown = heads.some((head) => head.dataset.sort === key);
      order = isKnown ? { key, up: address.get("order") === "up" } : { key: "score", up: false };
      for (const [name, input] of Object.entries(inputs)) {
        input.value = address.get(name);
        // A select that has no such option shows nothing at all.
        if (input.selectedIndex === -1) input.value = "";
      }
      sort();
      filter();
    },
  };
}

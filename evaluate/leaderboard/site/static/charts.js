// What all charts share: an entry's look, a frame around Observable Plot, a box at the pointer.

const SYMBOLS = ["circle", "square2", "triangle", "diamond", "triangle2", "cross", "wye", "star"];
const DASHES = [null, "6 3", "2 2.5", "8 3 2 3", "12 4", "4 1.5", "9 3 2 3 2 3", "1 4"];

const colour = (place) => `var(--s${place})`;

const dash = (place) => DASHES[place % DASHES.length];

// Bands cover each other: the more there are, the fainter is each.
const bandOpacity = (n) => (n <= 2 ? 0.14 : 0.28 / n);

// Marks of a chosen entry have its place in their class's name: `line-0`, `mark-0`.
const lineMark = (points, place, options) =>
  Plot.line(points, {
    ...options, stroke: colour(place), strokeWidth: 2, strokeDasharray: dash(place), className: `line-${place}`,
  });

const dotMark = (points, place, options) =>
  Plot.dot(points, {
    r: 3.4, ...options, fill: colour(place), symbol: SYMBOLS[place % SYMBOLS.length], className: `mark-${place}`,
  });

// A line's look, for lists of names; drawn once.
const drawn = new Map();

function swatchOf(key, marks) {
  if (!drawn.has(key)) {
    const swatch = Plot.plot({
      width: 26, height: 10, margin: 0, axis: null, x: { domain: [0, 2] }, y: { domain: [0, 2] }, marks: marks(),
    });
    swatch.classList.add("swatch");
    swatch.setAttribute("aria-hidden", "true");
    drawn.set(key, swatch);
  }
  return drawn.get(key).cloneNode(true);
}

const swatch = (place) => swatchOf(place, () => [lineMark([[0, 1], [2, 1]], place), dotMark([[1, 1]], place)]);

// A chart with a name for those who do not see it, and what it tells where the pointer is: a mark
// of `options` that follows the pointer has as its data what `tell` makes a heading and lines of.
function chart({ title, label, tell, ...options }) {
  const root = Plot.plot({ marginTop: 12, marginRight: 14, ...options, ariaLabel: label });
  root.setAttribute("role", "img");
  // Plot names the parts of a picture, which an image has none of.
  for (const part of root.querySelectorAll("[aria-label]")) {
    part.dataset.part = part.getAttribute("aria-label");
    part.removeAttribute("aria-label");
  }
  if (tell) {
    root.addEventListener("pointermove", (event) => {
      root.classList.toggle("over", root.value !== null);
      if (root.value === null) tip.hide();
      else tip.show(event, ...tell(root.value));
    });
    root.addEventListener("pointerleave", () => tip.hide());
    // Plot would hold on to what is pressed.
    root.addEventListener("pointerdown", (event) => event.stopImmediatePropagation(), true);
  }
  return html("figure", {}, title ? html("figcaption", {}, title) : null, root);
}

const centred = (label) => ({ label, labelAnchor: "center", labelArrow: "none" });

// An axis of shares, told in per cent.
const shareAxis = (label, domain) =>
  ({ ...centred(label), domain, ticks: 5, tickSize: 4, tickFormat: (share) => String(Math.round(100 * share)) });

// Curves over other photographs cannot be compared, and a chart that mixes them says so.
function mixtureNote(board, entries) {
  const datasets = [...new Set(entries.map(({ dataset }) => dataset))].sort((one, other) => one - other);
  if (datasets.length < 2) return [];
  const named = datasets.map((place) => {
    const titles = entries.filter(({ dataset }) => dataset === place).map(({ title }) => title);
    const shown = titles.length > 3 ? `${titles.slice(0, 3).join(", ")} and ${titles.length - 3} more` : titles.join(", ");
    return html("li", {}, `${board.datasets[place]}: `, html("bdi", {}, shown));
  });
  return [html("div", { class: "notice mixed", role: "note" },
    html("b", {}, "Different photographs. "), "A difference between these entries may be the photographs\u2019:", html("ul", {}, ...named))];
}

// One box for all charts. What it tells stands in the tables, too, so it needs no keyboard.
const tip = {
  box: html("div", { class: "tip", hidden: "", "aria-hidden": "true" }),

  show(event, heading, lines) {
    this.box.replaceChildren(html("b", {}, heading), ...lines);
    this.box.hidden = false;
    const { offsetWidth: wide, offsetHeight: high } = this.box;
    const left = event.clientX + 16 + wide > innerWidth ? event.clientX - wide - 16 : event.clientX + 16;
    const top = Math.min(event.clientY + 12, innerHeight - high - 8);
    this.box.style.left = `${Math.max(4, left)}px`;
    this.box.style.top = `${Math.max(4, top)}px`;
  },

  hide() {
    this.box.hidden = true;
  },
};

// What all charts share: markers, axes, a box that follows the pointer.

const MARKS = [
  "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  "M-2.8-2.8h5.6v5.6h-5.6z",
  "M0-3.6L3.4 2.6h-6.8z",
  "M0-3.8L3.8 0 0 3.8-3.8 0z",
  "M0 3.6L3.4-2.6h-6.8z",
  "M-1-3.4h2v2.4h2.4v2h-2.4v2.4h-2v-2.4h-2.4v-2h2.4z",
  "M-3.4-2L-2-3.4 0-1.4 2-3.4 3.4-2 1.4 0 3.4 2 2 3.4 0 1.4-2 3.4-3.4 2-1.4 0z",
  "M0-4L1.1-1.3 4-1.2 1.8.6 2.5 3.4 0 1.9-2.5 3.4-1.8.6-4-1.2-1.1-1.3z",
];
const DASHES = ["none", "6 3", "2 2.5", "8 3 2 3"];

const mark = (place, x, y) =>
  svg("path", { class: "mark", d: MARKS[place % MARKS.length], transform: `translate(${x} ${y})` });

const dash = (place) => DASHES[place % DASHES.length];

// A line's look, for lists of names.
function swatch(place) {
  return svg("svg", { class: "swatch", viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" },
    svg("path", { class: "line", d: "M0 5H26", "stroke-dasharray": dash(place) }), mark(place, 13, 5));
}

// An empty panel: sizes in its own units, axes drawn, and where a value lies.
function panel({ title, label, width, height, x, y, xTicks, yTicks, xText, yText, xTitle, yTitle }) {
  const edge = { left: yTitle ? 46 : 34, right: 12, top: 10, bottom: xTitle ? 36 : 22 };
  const across = (share) => edge.left + share * (width - edge.left - edge.right);
  const up = (share) => height - edge.bottom - share * (height - edge.top - edge.bottom);
  const [atX, atY] = [(value) => across(x(value)), (value) => up(y(value))];
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  for (const tick of yTicks) {
    root.append(svg("path", { class: "grid", d: `M${across(0)} ${atY(tick)}H${across(1)}` }),
      svg("text", { x: edge.left - 6, y: atY(tick) + 4, "text-anchor": "end" }, yText(tick)));
  }
  for (const tick of xTicks) {
    root.append(svg("path", { class: "grid faint", d: `M${atX(tick)} ${up(0)}V${up(1)}` }),
      svg("text", { x: atX(tick), y: up(0) + 15, "text-anchor": "middle" }, xText(tick)));
  }
  root.append(svg("path", { class: "axis", d: `M${across(0)} ${up(0)}H${across(1)}` }));
  if (xTitle) {
    root.append(svg("text", { class: "title", x: across(0.5), y: height - 4, "text-anchor": "middle" }, xTitle));
  }
  if (yTitle) {
    root.append(svg("text", { class: "title", transform: `translate(11 ${up(0.5)}) rotate(-90)`, "text-anchor": "middle" }, yTitle));
  }
  const figure = html("figure", {}, title ? html("figcaption", {}, title) : null, root);
  return { figure, root, atX, atY };
}

// The place in a chart's own units that the pointer is at.
function pointerIn(root, event) {
  const box = root.getBoundingClientRect();
  const scale = root.viewBox.baseVal.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
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

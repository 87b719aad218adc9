// Making and finding elements. Texts are only ever set as text, never as markup.

const find = (selector) => document.querySelector(selector);

function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function option(value, text) {
  return html("option", { value }, text);
}

// A table of texts or elements; the first cell of a row is its heading, columns after the first are numbers.
function plainTable(caption, heads, rows) {
  const cell = (text, place) =>
    place === 0
      ? html("th", { scope: "row" }, text)
      : html("td", { class: "num" }, text);
  const headings = heads.map((head, place) =>
    html("th", { scope: "col", class: place ? "num" : null }, head));
  return html("table", {},
    html("caption", { class: "small" }, html("span", {}, caption)),
    html("thead", {}, html("tr", {}, ...headings)),
    html("tbody", {}, ...rows.map((row) => html("tr", {}, ...row.map(cell)))));
}

// A table that is made when somebody asks for it.
function whenOpened(selector, make) {
  const details = find(selector);
  const place = details.querySelector("div");
  const refresh = () => {
    if (details.open) place.replaceChildren(...make());
  };
  details.addEventListener("toggle", refresh);
  return refresh;
}

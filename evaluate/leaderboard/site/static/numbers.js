// Numbers as the pages write them, and intervals, computed as docs/scores.md says.

const Z = 1.959963984540054;
const MINUS = "\u2212";
const DASH = "\u2013";

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

// Data out of a script: JSON, deflated, in base64.
const inflated = (base64) =>
  new Response(new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate"))).json();

function percent(share, digits = 1) {
  if (share === null) return DASH;
  const text = (100 * share).toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
}

function points(difference) {
  const text = percent(difference);
  return difference > 0 && Number(text) !== 0 ? `+${text}` : text;
}

// The 95 % Wilson interval of a share.
function wilson(correct, total) {
  const share = correct / total;
  const spread = Z ** 2 / total;
  const centre = (share + spread / 2) / (1 + spread);
  const half = (Z * Math.sqrt(share * (1 - share) / total + spread / (4 * total))) / (1 + spread);
  return {
    value: share,
    low: correct === 0 ? 0 : centre - half,
    high: correct === total ? 1 : centre + half,
  };
}

const interval = (at) => `(${percent(at.low)}${DASH}${percent(at.high)})`;

const withInterval = (at) => (at === null ? DASH : `${percent(at.value)} ${interval(at)}`);

// The same for a cell, which shows the interval small where there is little room.
const intervalCell = (at) =>
  (at === null ? DASH : html("span", {}, `${percent(at.value)} `, html("small", {}, interval(at))));

function parameters(count) {
  if (count < 1e6) return String(count);
  const millions = count / 1e6;
  return `${millions >= 100 ? Math.round(millions) : Number(millions.toPrecision(3))} M`;
}

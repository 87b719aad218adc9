// An entry's own page: its curves, and all its levels as a table.

function entryPage(board) {
  const entry = board.named.get(find("[data-entry]").dataset.entry);
  find("#curves").replaceChildren(...drawCurves(board, [entry], "top1", true), paperLegend(board));
  whenOpened("#levels-table", () => {
    const rows = board.variants.map((name, i) => {
      const share = (counts) => withInterval(counts[i] === null ? null : wilson(counts[i], entry.images));
      const mille = (values) => (values[i] === null ? DASH : (values[i] / 1000).toFixed(3));
      return [name, share(entry.top1), share(entry.top5), mille(entry.confidence), mille(entry.calibration)];
    });
    return [plainTable("Top-1 and top-5 accuracy in per cent (95 % interval), mean probability of the true class, calibration error",
      ["Variant", "Top-1", "Top-5", "True class", "Calibration"], rows)];
  });
}

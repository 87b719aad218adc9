// Before anything is painted: the reader's own choice of theme, else the system's.
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("imagenetq-theme");
  } catch {
    // From disk, or with cookies off, some browsers let a page remember nothing.
  }
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();

// What the reader sorted, filtered and chose, in the part of the address after #: a link to what
// is seen. The address is anyone's text, too: whoever takes a value from it checks it.

const address = {
  values: new URLSearchParams(),
  written: "",

  read() {
    this.values = new URLSearchParams(location.hash.slice(1));
  },

  get(key) {
    return this.values.get(key) ?? "";
  },

  set(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value) this.values.set(key, value);
      else this.values.delete(key);
    }
    // Commas and slashes may stand as they are, and read better.
    const hash = String(this.values).replaceAll("%2C", ",").replaceAll("%2F", "/");
    this.written = hash;
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  },

  // Somebody went back, or pasted another link.
  onChange(apply) {
    addEventListener("hashchange", () => {
      if (location.hash.slice(1) === this.written || location.hash === "#main") return;
      this.read();
      apply();
    });
  },
};

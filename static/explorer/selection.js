// Which cells are selected: a byte a cell, which every plot draws, and the selections before, to undo.

const STEPS = 50; // that can be undone; of a million cells, 6 MB

export class Selection {
  constructor(cells) {
    Object.assign(this, { cells, flags: new Uint8Array(cells), number: 0, undone: [], done: [], listeners: [] });
    this.bits = bitsOf(this.flags);
  }

  whenChanged(listener) {
    this.listeners.push(listener);
  }

  // `every` calls back with each cell; `how` is "add", "remove" or "" for a new selection
  choose(every, how) {
    if (!how) this.flags.fill(0);
    every((n) => (this.flags[n] = how === "remove" ? 0 : 1));
    this.remember();
  }

  invert() {
    for (let n = 0; n < this.cells; n++) this.flags[n] ^= 1;
    this.remember();
  }

  // What was selected before the page was loaded: nothing to undo
  start(flags) {
    this.flags.set(flags);
    this.changed(bitsOf(this.flags));
  }

  take(flags) {
    this.flags.set(flags);
    this.remember();
  }

  remember() {
    const bits = bitsOf(this.flags);
    if (bits.every((byte, n) => byte === this.bits[n])) return;
    this.done.push(this.bits);
    if (this.done.length > STEPS) this.done.shift();
    this.undone = [];
    this.changed(bits);
  }

  undo() {
    this.swap(this.done, this.undone);
  }

  redo() {
    this.swap(this.undone, this.done);
  }

  swap(from, to) {
    if (!from.length) return;
    to.push(this.bits);
    const bits = from.pop();
    this.flags.set(flagsOf(bits, this.cells));
    this.changed(bits);
  }

  changed(bits) {
    this.bits = bits;
    this.number = this.flags.reduce((sum, one) => sum + one, 0);
    for (const listener of this.listeners) listener();
  }
}

// One bit a cell, the first one lowest, as the server reads and sends them
export function bitsOf(flags) {
  const bits = new Uint8Array(Math.ceil(flags.length / 8));
  for (let n = 0; n < flags.length; n++) if (flags[n]) bits[n >> 3] |= 1 << (n & 7);
  return bits;
}

export function flagsOf(bits, cells) {
  const flags = new Uint8Array(cells);
  for (let n = 0; n < cells; n++) flags[n] = (bits[n >> 3] >> (n & 7)) & 1;
  return flags;
}

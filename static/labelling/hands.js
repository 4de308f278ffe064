// What is done by keys and by the mouse: labels are given to the selected cells, or to the framed one.
import { counted, of } from "./page.js";

export class Hands {
  constructor(page) {
    Object.assign(this, page); // labels, grid, classes, focus, screens
  }

  get field() {
    return this.screens.settling ? "settled" : "mine";
  }

  // A key that is pressed too early is for the next cells, not for the last one of these
  get coming() {
    const { grid, screens } = this;
    return screens.loading && !grid.selected.size && grid.current && this.labels.state(grid.current.key)[this.field];
  }

  named() {
    if (this.labels.who) return true;
    of("who").focus();
    this.screens.note("Please enter your name first: labels say who gave them.");
    return false;
  }

  give(keys, id) {
    this.labels.give(keys, id, this.screens.settling);
    of("spoken").textContent = `${this.labels.classOf(id)?.name ?? "no label"}: ${counted(keys.length, "cell")}`;
  }

  label(id) {
    if (!this.named()) return;
    const { grid } = this;
    const { targets, cursor } = grid;
    if (id !== null && this.coming) return;
    const last = grid.selected.size ? Math.max(...targets.map((key) => grid.places.get(key))) : cursor;
    this.give(targets, id);
    grid.clear();
    if (id !== null) this.onward(last + 1);
  }

  // Frames the next cell without a label; when there is none, the next cells are shown
  onward(from) {
    const { grid, focus, field } = this;
    const next = focus.on ? from : [grid.open(from, field), grid.open(0, field)].find((n) => n >= 0);
    if (next < grid.cells.length) grid.frame(next);
    else this.screens.forward();
  }

  turn(what) {
    if (this.named()) this.labels[what]();
  }

  // A class that is chosen labels what is selected; without a selection it is held
  choose(id) {
    if (this.grid.selected.size || this.focus.on) return this.label(id);
    this.hold(this.classes.held === id ? null : id);
  }

  hold(id) {
    this.classes.hold(id);
    this.screens.note(id === null ? "" : `${this.labels.classOf(id).name} is held: click cells, or drag around them. Escape puts it down.`);
  }

  // --- the mouse ---

  click(place, shift) {
    const { grid, classes, focus } = this;
    grid.frame(place);
    if (classes.held !== null) this.paint(shift ? grid.between(place) : [place]);
    else if (shift) grid.select(grid.keys(grid.between(place)));
    else if (!focus.on) grid.toggle(place);
    if (!shift) grid.anchor = place;
  }

  around(places) {
    const { grid } = this;
    if (this.classes.held !== null) return this.paint(places);
    grid.select(grid.keys(places));
    if (places.length) grid.frame(places[places.length - 1]);
  }

  // What is held labels cells; a single cell that has this label loses it
  paint(places) {
    if (!this.named()) return;
    const { held } = this.classes;
    const keys = this.grid.keys(places);
    const off = keys.length === 1 && this.labels.state(keys[0])[this.field] === held;
    this.give(keys, off ? null : held);
  }

  double(place) {
    if (this.classes.held !== null) return;
    this.grid.clear();
    this.grid.frame(place);
    this.focus.toggle(true);
  }

  // --- keys ---

  key(event) {
    const { target } = event;
    if (event.altKey || target.closest("dialog") || target.matches("select, textarea, input:not([type=checkbox], [type=range])")) return;
    const act = event.ctrlKey || event.metaKey ? this.withControl(event) : this.plain(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  withControl({ key, shiftKey }) {
    const { grid } = this;
    const letter = key.toLowerCase();
    if (letter === "z") return () => this.turn(shiftKey ? "redo" : "undo");
    if (letter === "y") return () => this.turn("redo");
    if (letter === "a") return () => grid.select(grid.cells.map((cell) => cell.key));
    return null;
  }

  plain({ key, shiftKey, target }) {
    const chosen = this.classes.ofKey(key);
    if (chosen) return () => this.label(chosen.id);
    if (key === "Backspace" || key === "Delete") return () => this.label(null);
    if (key === "PageDown") return () => this.screens.forward();
    if (key === "PageUp") return () => this.screens.back();
    if (key === "Escape") return () => this.escape();
    const free = target === document.body || target === this.grid.list || target.matches("main");
    return free ? this.among(key, shiftKey) : null; // elsewhere, these keys belong to what has the focus
  }

  among(key, shift) {
    const { grid } = this;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: grid.columns, ArrowUp: -grid.columns, Home: -grid.cursor, End: grid.cells.length }[key];
    if (step !== undefined) return () => this.go(step, shift);
    if (key === "Enter") return () => this.focus.toggle();
    if (key === " " && grid.current) return () => (this.classes.held === null ? grid.toggle(grid.cursor) : this.paint([grid.cursor]));
    return null;
  }

  go(step, shift) {
    const { grid, focus } = this;
    if (focus.on && step === 1 && grid.cursor === grid.cells.length - 1) return this.screens.forward();
    if (shift && !grid.selected.size) grid.anchor = grid.cursor;
    grid.frame(grid.cursor + step);
    if (shift) grid.select(grid.keys(grid.between(grid.cursor)));
  }

  escape() {
    if (this.focus.on) this.focus.toggle(false);
    else if (this.classes.held !== null) this.hold(null);
    else this.grid.clear();
  }
}

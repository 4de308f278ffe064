// The cells of a screenful: which are selected, which one is framed, and what their labels are.
import { make, of } from "./page.js";

const LINE = 18; // pixels
const LETTER = 7.5; // pixels, on average

export class Grid extends EventTarget {
  constructor(labels, pictures) {
    super();
    Object.assign(this, { labels, pictures, list: of("grid"), cells: [], tiles: [], places: new Map(), selected: new Set(), cursor: 0, anchor: 0, others: false });
    labels.addEventListener("cells", ({ detail }) => this.refresh(detail));
    labels.addEventListener("about", () => this.refresh([...this.places.keys()]));
    pictures.addEventListener("changed", () => this.draw());
  }

  show(cells) {
    this.cells = cells;
    this.places = new Map(cells.map((cell, n) => [cell.key, n]));
    this.selected.clear();
    this.tiles = cells.map((cell) => this.tile(cell));
    this.list.replaceChildren(...this.tiles);
    this.anchor = 0;
    this.draw();
    this.refresh([...this.places.keys()]);
    this.frame(Math.max(0, this.open(0)));
  }

  tile(cell) {
    const name = `Object ${cell.object} of ${cell.source}`;
    const canvas = make("canvas", { title: `${name}${cell.side ? `, ${cell.side}` : ""}` });
    canvas.setAttribute("aria-hidden", true); // the text beside it says the same
    const texts = ["sr", "b-label", "b-others"].map((className) => make("span", { className }));
    const tile = make("li", { className: "b-tile", id: `cell-${cell.row}` }, canvas, ...texts);
    tile.setAttribute("role", "option");
    tile.dataset.key = cell.key;
    return tile;
  }

  draw() {
    this.list.style.setProperty("--across", this.pictures.across);
    this.list.style.setProperty("--lines", this.lines);
    this.tiles.forEach((tile, n) => this.pictures.draw(tile.firstChild, this.cells[n].row));
  }

  // --- labels ---

  refresh(keys) {
    this.list.style.setProperty("--lines", this.lines);
    for (const key of keys) if (this.places.has(key)) this.mark(this.places.get(key));
  }

  mark(n) {
    const cell = this.cells[n], tile = this.tiles[n], state = this.labels.state(cell.key);
    const [, name, label, others] = tile.children;
    const shown = this.labels.classOf(state.settled || state.mine);
    const texts = this.others ? Object.entries(state.others).map(([who, id]) => `${who}: ${this.labels.classOf(id)?.name ?? ""}`) : [];
    tile.style.setProperty("--class", shown?.colour ?? "transparent");
    tile.classList.toggle("is-labelled", Boolean(shown));
    const text = shown ? `${shown.name}${state.settled ? " (settled)" : ""}` : "";
    label.replaceChildren(...text.split(/(?<=_)/).flatMap((part) => [part, make("wbr")]));
    others.textContent = texts.join(", ");
    name.textContent = `Object ${cell.object} of ${cell.source}, ${shown ? "" : "unlabelled "}`;
    tile.setAttribute("aria-selected", this.selected.has(cell.key));
  }

  // --- the framed cell, and selected ones ---

  get current() {
    return this.cells[this.cursor];
  }

  // What a label is given to: the selected cells, or else the framed one
  get targets() {
    if (this.selected.size) return this.cells.filter((cell) => this.selected.has(cell.key)).map((cell) => cell.key);
    return this.current ? [this.current.key] : [];
  }

  frame(n) {
    this.tiles[this.cursor]?.classList.remove("is-framed");
    this.cursor = Math.max(0, Math.min(n, this.tiles.length - 1));
    const tile = this.tiles[this.cursor];
    if (!tile) return void this.list.removeAttribute("aria-activedescendant");
    tile.classList.add("is-framed");
    this.list.setAttribute("aria-activedescendant", tile.id);
    if (this.list.scrollWidth > this.list.clientWidth) this.list.scrollTo({ left: tile.offsetLeft - this.list.clientWidth / 2 });
    else tile.scrollIntoView({ block: "nearest" });
    this.dispatchEvent(new Event("framed"));
  }

  // The next cell from a place on that has no label yet, -1 for none
  open(from, field = "mine") {
    return this.cells.findIndex((cell, n) => n >= from && !this.labels.state(cell.key)[field]);
  }

  select(keys, on = true) {
    for (const key of keys) {
      if (on) this.selected.add(key);
      else this.selected.delete(key);
    }
    this.refresh(keys);
    this.dispatchEvent(new Event("selected"));
  }

  clear() {
    this.select([...this.selected], false);
  }

  toggle(n) {
    const { key } = this.cells[n];
    this.select([key], !this.selected.has(key));
  }

  keys(places) {
    return places.map((n) => this.cells[n].key);
  }

  // The places from the last cell that was clicked to this one
  between(n) {
    const from = Math.min(this.anchor, n);
    return Array.from({ length: Math.abs(this.anchor - n) + 1 }, (_, step) => from + step);
  }

  // How many tiles stand in a row
  get columns() {
    const top = this.tiles[0]?.offsetTop;
    const first = this.tiles.findIndex((tile) => tile.offsetTop !== top);
    return first < 0 ? Math.max(this.tiles.length, 1) : first;
  }

  // As many lines below a picture as the longest name needs, so that nothing moves when a label comes
  get lines() {
    const longest = Math.max(0, ...this.labels.classes.map((each) => each.name.length));
    return Math.min(3, Math.ceil((longest * LETTER) / Math.max(40, this.list.firstChild?.clientWidth - 10 || 86)) || 1);
  }

  // How many cells fit on the screen
  fitting(size) {
    const across = Math.max(1, Math.floor((this.list.clientWidth || 800) / (size * this.pictures.across + 16)));
    const top = this.list.getBoundingClientRect().top + window.scrollY;
    const below = 72; // pixels of what stands below
    const down = Math.max(2, Math.floor((window.innerHeight - top - below) / (size + 18 + LINE * this.lines)));
    return Math.min(240, Math.max(12, across * down));
  }

  placeOf(element) {
    const tile = element.closest?.(".b-tile");
    return tile ? this.tiles.indexOf(tile) : -1;
  }
}

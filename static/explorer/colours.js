// What the cells are coloured by: the choice, the shade of every cell, and the legend.
import { drawMark, paletteOf, scaleColour, shadesOfCodes, shadesOfGates, shadesOfNumbers, shadesOfSelections } from "./palette.js";
import { GATES, optionsOf } from "./numbers.js";
import { make, mapBytes, number, of } from "./page.js";

export const SELECTIONS = "selections"; // the value of the choice

export class Colours {
  constructor(explorer) {
    const { about, cells } = explorer;
    Object.assign(this, { explorer, about, cells, hidden: new Set(), shades: new Uint8Array(cells), groups: null });
    this.fetched = new Map(); // codes of columns
    this.choice = of("colour");
    this.fill();
    this.choice.addEventListener("change", () => this.colour());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
  }

  fill() {
    const { columns } = this.about;
    this.offer(columns.map((each) => [`codes/${each.code}`, this.titleOf(each)]));
    this.offer([[SELECTIONS, "selections"]]);
    const first = columns.find((each) => each.name === "prediction") || columns.find((each) => each.values.length > 1);
    if (first) this.choice.value = `codes/${first.code}`;
  }

  offer(options) {
    this.choice.append(...options.map(([value, textContent]) => make("option", { value, textContent })));
  }

  offerNumbers() {
    this.choice.append(...optionsOf(this.explorer.numbers.all));
  }

  titleOf({ name }) {
    return name === "prediction" && this.about.target ? `prediction (${this.about.target})` : name;
  }

  // Choose a colouring of the address, if there is one of this name
  tryChoice(value) {
    const there = [...this.choice.options].some((option) => option.value === value);
    if (there) this.choice.value = value;
    return there;
  }

  colourBy(value) {
    this.choice.value = value;
    return this.colour();
  }

  async colour() {
    const asked = this.choice.value;
    of("status").textContent = asked.includes("/") && !asked.startsWith("codes/") ? "Reading the values of all cells …" : "";
    try {
      const { shades, groups = null, ...range } = await this.shadesOf(asked);
      if (this.choice.value !== asked) return; // another colouring was asked for meanwhile
      of("status").textContent = "";
      Object.assign(this, { shades, groups, range, hidden: new Set() });
      this.recolour();
    } catch (error) {
      of("status").textContent = error.message;
    }
  }

  async shadesOf(asked) {
    if (asked === SELECTIONS) return shadesOfSelections(await this.explorer.kept.shown(), this.cells);
    const column = this.about.columns.find((each) => `codes/${each.code}` === asked);
    if (column) return shadesOfCodes(await this.codes(column), column, this.cells);
    const numbers = await this.explorer.numbers.of(asked);
    return asked.startsWith(GATES) ? shadesOfGates(numbers) : shadesOfNumbers(numbers);
  }

  async codes(column) {
    if (!this.fetched.has(column.code)) {
      const kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[column.bytes];
      this.fetched.set(column.code, new kind(await mapBytes(`/codes/${column.code}.bin`)));
    }
    return this.fetched.get(column.code);
  }

  recolour() {
    for (const plot of this.explorer.plots) this.dress(plot);
    this.fillLegend();
    this.explorer.view.changed();
  }

  dress({ cloud }) {
    cloud.setShades(this.shades, paletteOf(this.groups, this.hidden), Boolean(this.groups));
  }

  // --- the legend ---

  fillLegend() {
    of("scale").hidden = Boolean(this.groups);
    of("legend").replaceChildren(...(this.groups || []).map((group) => this.entry(group)));
    if (this.groups) return;
    const pen = of("scale").querySelector("canvas").getContext("2d");
    for (let x = 0; x < 256; x++) {
      pen.fillStyle = `rgb(${scaleColour(x / 255)})`;
      pen.fillRect(x, 0, 1, 1);
    }
    of("low").textContent = `${this.range.low.toPrecision(3)} and less`;
    of("high").textContent = `${this.range.high.toPrecision(3)} and more`;
  }

  entry(group) {
    const mark = make("canvas", { width: 28, height: 28 });
    drawMark(mark, group);
    const name = make("span", { className: "r-name", textContent: group.label });
    const count = make("span", { className: "r-count", textContent: number(group.cells) });
    const show = make("button", { type: "button", className: "r-group" }, mark, name, count);
    show.setAttribute("aria-pressed", String(!this.hidden.has(group.slot)));
    show.setAttribute("aria-description", "Shows or hides the cells of this group.");
    show.addEventListener("click", () => this.toggle(show, group));
    const select = make("button", { type: "button", className: "r-link", textContent: "Select" });
    select.setAttribute("aria-label", `Select ${group.label}`);
    select.addEventListener("click", () => this.select(group));
    return make("li", {}, show, select);
  }

  select({ slot }) {
    this.explorer.selection.choose((take) => this.shades.forEach((each, n) => each === slot && take(n)), "");
  }

  toggle(button, { slot }) {
    if (!this.hidden.delete(slot)) this.hidden.add(slot);
    button.setAttribute("aria-pressed", String(!this.hidden.has(slot)));
    for (const { cloud } of this.explorer.plots) cloud.setPalette(paletteOf(this.groups, this.hidden));
  }
}

// The explorer: loads a map, draws it, and lets its user colour, look at and choose cells.
import { Cloud } from "./explore_cloud.js";
import { drawMark, groupColour, paletteOf, rgb, scaleColour, shadesOfCodes, shadesOfNumbers } from "./explore_colours.js";
import { Hand } from "./explore_hand.js";
import { Side, make, number } from "./explore_side.js";
import { View } from "./explore_view.js";

const root = document.getElementById("explore");
const of = (name) => root.querySelector(`[data-of=${name}]`);
const base = root.dataset.base;

async function answered(url, options = {}) {
  const answer = await fetch(url, { credentials: "same-origin", ...options }).catch(() => {
    throw new Error("The server does not answer; is it still running?");
  });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error || `The server answered ${answer.status}; load the page again.`);
}

const json = async (path) => (await answered(base + path, { headers: { Accept: "application/json" } })).json();
const bytes = async (path) => (await answered(base + path)).arrayBuffer();

class Explorer {
  constructor(about, values) {
    Object.assign(this, { about, values, dims: about.axes.length, cells: about.cells });
    this.hidden = new Set();
    this.chosen = new Uint8Array(this.cells);
    this.number = 0; // of chosen cells
    this.kept = new Map(); // columns that were fetched
    this.cloud = new Cloud(of("cloud"), { background: () => rgbOf("--panel") });
    this.view = new View(values, this.dims);
    this.cloud.setPlaces(values, this.dims);
    this.cloud.setChosen(this.chosen, false);
    this.hand = new Hand(this, of("stage"), of("cloud"), of("over"));
    this.side = new Side(this, root);
    this.fillColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    new ResizeObserver(() => this.look()).observe(of("stage"));
  }

  get size() {
    return [of("cloud").clientWidth, of("cloud").clientHeight];
  }

  get matrix() {
    return this.view.matrix(...this.size);
  }

  get points() {
    return { values: this.values, dims: this.dims, shown: (n) => !this.hidden.has(this.shades[n]) };
  }

  look() {
    this.cloud.setView(this.matrix);
  }

  // --- colours ---

  fillColours() {
    const found = this.about.columns.map((each) => [`codes/${each.code}`, this.titleOf(each)]);
    if (this.about.confidence) found.push(["confidence", "confidence of the prediction"]);
    of("colour").replaceChildren(...found.map(([value, textContent]) => make("option", { value, textContent })));
    const first = this.about.columns.find((each) => each.name === "prediction") || this.about.columns.find((each) => each.values.length > 1);
    if (first) of("colour").value = `codes/${first.code}`;
    of("colour").addEventListener("change", () => this.colour());
  }

  titleOf({ name }) {
    return name === "prediction" && this.about.target ? `prediction (${this.about.target})` : name;
  }

  offerChannels(channels) {
    of("colour").append(...channels.map((each) => make("option", { value: `intensity/${each.key}`, textContent: `mean intensity of ${each.name}` })));
  }

  async colour() {
    const asked = of("colour").value;
    of("told").textContent = asked.startsWith("intensity") ? "Measuring the channels in all cells …" : "";
    try {
      const found = await this.shadesOf(asked);
      if (of("colour").value !== asked) return; // something else was chosen meanwhile
      of("told").textContent = "";
      this.hidden = new Set();
      Object.assign(this, { shades: found.shades, groups: found.groups || null, range: found });
      this.recolour();
    } catch (error) {
      of("told").textContent = error.message;
    }
  }

  async shadesOf(asked) {
    if (!asked) return { shades: new Uint8Array(this.cells), groups: [{ label: "cells", cells: this.cells, slot: 0 }] };
    const column = this.about.columns.find((each) => `codes/${each.code}` === asked);
    if (column) return shadesOfCodes(await this.codes(column), column, this.cells);
    return shadesOfNumbers(new Float32Array(await bytes(`/${asked}.bin`)));
  }

  async codes(column) {
    if (!this.kept.has(column.code)) {
      const kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[column.bytes];
      this.kept.set(column.code, new kind(await bytes(`/codes/${column.code}.bin`)));
    }
    return this.kept.get(column.code);
  }

  recolour() {
    this.cloud.setShades(this.shades, paletteOf(this.groups, this.hidden), Boolean(this.groups));
    this.fillLegend();
  }

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
    drawMark(mark, group.slot);
    const name = make("span", { className: "r-name", textContent: group.label });
    const count = make("span", { className: "r-count", textContent: number(group.cells) });
    const show = make("button", { type: "button", className: "r-group" }, mark, name, count);
    show.setAttribute("aria-pressed", String(!this.hidden.has(group.slot)));
    show.setAttribute("aria-description", "Shows or hides the cells of this group.");
    show.addEventListener("click", () => this.toggle(show, group));
    const choose = make("button", { type: "button", className: "r-link", textContent: "Choose" });
    choose.setAttribute("aria-label", `Choose ${group.label}`);
    choose.addEventListener("click", () => this.choose((take) => this.shades.forEach((slot, n) => slot === group.slot && take(n)), ""));
    return make("li", {}, show, choose);
  }

  toggle(button, { slot }) {
    if (!this.hidden.delete(slot)) this.hidden.add(slot);
    button.setAttribute("aria-pressed", String(!this.hidden.has(slot)));
    this.cloud.setPalette(paletteOf(this.groups, this.hidden));
  }

  // --- the choice: `every` calls back with each cell; `how` is "add", "take away" or "" for anew ---

  choose(every, how) {
    if (!how) this.chosen.fill(0);
    every((n) => (this.chosen[n] = how === "take away" ? 0 : 1));
    this.changed();
  }

  invert() {
    for (let n = 0; n < this.cells; n++) this.chosen[n] ^= 1;
    this.changed();
  }

  changed() {
    this.number = this.chosen.reduce((sum, one) => sum + one, 0);
    this.cloud.setChosen(this.chosen, this.number > 0);
    this.side.tell();
  }

  // One bit a cell, as the server reads it
  get bits() {
    const found = new Uint8Array(Math.ceil(this.cells / 8));
    for (let n = 0; n < this.cells; n++) if (this.chosen[n]) found[n >> 3] |= 1 << (n & 7);
    return found;
  }

  post(path) {
    const headers = { "X-CSRFToken": root.dataset.token, "Content-Type": "application/octet-stream", Accept: "application/json" };
    return answered(base + path, { method: "POST", headers, body: this.bits });
  }

  colourOf = (n) => (this.groups ? groupColour(this.shades[n]) : "");
}

function rgbOf(name) {
  const told = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return rgb(told).map((value) => value / 255);
}

async function begin() {
  const start = performance.now();
  try {
    const [about, places] = await Promise.all([json("/about.json"), bytes("/places.bin")]);
    const explorer = new Explorer(about, new Float32Array(places));
    window.deepometryExplorer = explorer; // for measurements
    await explorer.colour();
    explorer.look();
    of("wait").hidden = true;
    of("axes").textContent = about.axes.map((name) => name.replace("_", " ")).join(" · ");
    root.dataset.ready = String(Math.round(performance.now() - start));
    const pictures = await json("/pictures.json");
    explorer.offerChannels(pictures.channels);
    explorer.side.offer(pictures);
    explorer.hand.pictures = pictures;
  } catch (error) {
    of("wait").hidden = false;
    of("wait").textContent = error.message;
  }
}

begin();

// The explorer: loads a map, draws it, and lets its user colour, look at and select cells.
import { PointCloud } from "./webgl_points.js";
import { drawMark, groupColour, paletteOf, rgb, scaleColour, shadesOfCodes, shadesOfNumbers } from "./palette.js";
import { Pointer } from "./pointer.js";
import { SidePanel, make, number } from "./side_panel.js";
import { Camera } from "./camera.js";

const root = document.getElementById("explore");
const of = (name) => root.querySelector(`[data-of=${name}]`);
const base = root.dataset.base;

async function answered(url, options = {}) {
  const answer = await fetch(url, { credentials: "same-origin", ...options }).catch(() => {
    throw new Error("Deepometry does not answer. Is it still running?");
  });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  const told = body.error || `Deepometry could not answer (error ${answer.status}); reload the page.`;
  throw Object.assign(new Error(told), { used: body.used });
}

const json = async (path) => (await answered(base + path, { headers: { Accept: "application/json" } })).json();
const bytes = async (path) => (await answered(base + path)).arrayBuffer();

class Explorer {
  constructor(about, values) {
    Object.assign(this, { about, values, dims: about.axes.length, cells: about.cells });
    this.hidden = new Set();
    this.selected = new Uint8Array(this.cells);
    this.number = 0; // of selected cells
    this.fetched = new Map(); // columns
    this.cloud = new PointCloud(of("cloud"), { background: () => rgbOf("--panel") });
    this.camera = new Camera(values, this.dims);
    this.cloud.setPlaces(values, this.dims);
    this.cloud.setSelected(this.selected, false);
    this.pointer = new Pointer(this, of("stage"), of("cloud"), of("over"));
    this.side = new SidePanel(this, root);
    this.fillColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    new ResizeObserver(() => this.look()).observe(of("stage"));
  }

  get size() {
    return [of("cloud").clientWidth, of("cloud").clientHeight];
  }

  get matrix() {
    return this.camera.matrix(...this.size);
  }

  get points() {
    return { values: this.values, dims: this.dims, shown: (n) => !this.hidden.has(this.shades[n]) };
  }

  // Where a cell is drawn, in pixels of the stage
  at(cell) {
    const { dims, matrix: m, size: [width, height], values } = this;
    const [x, y, z] = [0, 1, 2].map((axis) => (axis < dims ? values[cell * dims + axis] : 0));
    const along = (row) => m[row] * x + m[4 + row] * y + m[8 + row] * z + m[12 + row];
    return [((along(0) + 1) / 2) * width, ((1 - along(1)) / 2) * height];
  }

  look() {
    this.cloud.setView(this.matrix);
  }

  // --- colours ---

  fillColours() {
    const options = this.about.columns.map((each) => [`codes/${each.code}`, this.titleOf(each)]);
    if (this.about.confidence) options.push(["confidence", "probability of the predicted class"]);
    of("colour").replaceChildren(...options.map(([value, textContent]) => make("option", { value, textContent })));
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
    of("status").textContent = asked.startsWith("intensity") ? "Measuring the channels in all cells …" : "";
    try {
      const colouring = await this.shadesOf(asked);
      if (of("colour").value !== asked) return; // another colouring was asked for meanwhile
      of("status").textContent = "";
      this.hidden = new Set();
      Object.assign(this, { shades: colouring.shades, groups: colouring.groups || null, range: colouring });
      this.recolour();
    } catch (error) {
      of("status").textContent = error.message;
    }
  }

  async shadesOf(asked) {
    if (!asked) return { shades: new Uint8Array(this.cells), groups: [{ label: "cells", cells: this.cells, slot: 0 }] };
    const column = this.about.columns.find((each) => `codes/${each.code}` === asked);
    if (column) return shadesOfCodes(await this.codes(column), column, this.cells);
    return shadesOfNumbers(new Float32Array(await bytes(`/${asked}.bin`)));
  }

  async codes(column) {
    if (!this.fetched.has(column.code)) {
      const kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[column.bytes];
      this.fetched.set(column.code, new kind(await bytes(`/codes/${column.code}.bin`)));
    }
    return this.fetched.get(column.code);
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
    const select = make("button", { type: "button", className: "r-link", textContent: "Select" });
    select.setAttribute("aria-label", `Select ${group.label}`);
    select.addEventListener("click", () => this.select((take) => this.shades.forEach((slot, n) => slot === group.slot && take(n)), ""));
    return make("li", {}, show, select);
  }

  toggle(button, { slot }) {
    if (!this.hidden.delete(slot)) this.hidden.add(slot);
    button.setAttribute("aria-pressed", String(!this.hidden.has(slot)));
    this.cloud.setPalette(paletteOf(this.groups, this.hidden));
  }

  // --- the selection: `every` calls back with each cell; `how` is "add", "remove" or "" for a new one ---

  select(every, how) {
    if (!how) this.selected.fill(0);
    every((n) => (this.selected[n] = how === "remove" ? 0 : 1));
    this.changed();
  }

  invert() {
    for (let n = 0; n < this.cells; n++) this.selected[n] ^= 1;
    this.changed();
  }

  changed() {
    this.number = this.selected.reduce((sum, one) => sum + one, 0);
    this.cloud.setSelected(this.selected, this.number > 0);
    this.side.update();
  }

  // One bit a cell, as the server reads it
  get bits() {
    const bits = new Uint8Array(Math.ceil(this.cells / 8));
    for (let n = 0; n < this.cells; n++) if (this.selected[n]) bits[n >> 3] |= 1 << (n & 7);
    return bits;
  }

  post(path) {
    const headers = { "X-CSRFToken": root.dataset.token, "Content-Type": "application/octet-stream", Accept: "application/json" };
    return answered(base + path, { method: "POST", headers, body: this.bits });
  }

  colourOf = (n) => (this.groups ? groupColour(this.shades[n]) : "");
}

function rgbOf(name) {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return rgb(colour).map((value) => value / 255);
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
    explorer.pointer.pictures = pictures;
  } catch (error) {
    of("wait").hidden = false;
    of("wait").textContent = error.message;
  }
}

begin();

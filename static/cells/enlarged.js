// One cell, enlarged in all channels: contrast and colour of each, the composite, the mask and a
// scale bar. Counts come once; every change is drawn here.

import { addTo, rgb, shadesOf } from "./drawing.js";

const SIDE = 240; // pixels of a picture, about
const BARS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200]; // micrometres

export class Enlarged {
  constructor(dialog, gallery) {
    Object.assign(this, { dialog, gallery, tools: gallery.tools, looks: new Map(), asked: 0, pending: "", leaving: false, after: null });
    this.of = (name) => dialog.querySelector(`[data-of=${name}]`);
    dialog.addEventListener("click", (event) => this.click(event));
    dialog.addEventListener("keydown", (event) => this.key(event));
    dialog.addEventListener("close", () => this.closed());
    this.of("tick").addEventListener("change", (event) => gallery.set(this.row, event.target.checked));
    this.of("mask").addEventListener("change", () => this.outline());
    this.travel = (event) => this.travelled(event.state);
    window.addEventListener("popstate", this.travel);
  }

  end() {
    window.removeEventListener("popstate", this.travel);
    this.ended = true;
    if (this.dialog.open) this.dialog.close();
  }

  // What is enlarged has an entry in the history, so that Back closes it
  async open(row, enter = true) {
    const asked = (this.asked += 1);
    this.row = row;
    if (!this.dialog.open) {
      this.before = document.activeElement;
      this.dialog.showModal();
      if (enter && !this.leaving) history.pushState({ enlarged: row }, "");
    }
    try {
      const [about, counts] = await Promise.all([this.json(`${row}.json`), this.counts(row)]);
      if (asked !== this.asked) return;
      Object.assign(this, { about, planes: about.channels.map((_, n) => counts.subarray(n * about.frame ** 2, (n + 1) * about.frame ** 2)), origin: null });
      this.fill();
    } catch (error) {
      if (asked === this.asked) this.of("caption").textContent = error.message;
    }
  }

  json(path) {
    return this.tools.fetchJson(`${this.gallery.base}/${path}`);
  }

  async counts(row) {
    const answer = await fetch(`${this.gallery.base}/${row}.bin`, { headers: { Accept: "application/json" } });
    return answer.ok ? new Float32Array(await answer.arrayBuffer()) : new Float32Array(0);
  }

  // --- what is shown ---

  fill() {
    const { about, gallery } = this;
    const rows = gallery.rows;
    const place = rows.indexOf(this.row);
    const values = [...(about.side ? [["side of the split", about.side]] : []), ...about.facts];
    this.of("title").textContent = `Object ${about.object} of ${about.source}`;
    this.of("caption").textContent = about.missing ? `No pictures: ${about.missing}` : place < 0 ? "" : `${place + 1} of the ${rows.length} cells on this page`;
    for (const way of ["previous", "next"]) this.dialog.querySelector(`[data-do=${way}]`).hidden = place < 0; // a cell of the map, not of this page
    this.of("tick").checked = gallery.ticked.has(this.row);
    this.of("facts").replaceChildren(...values.map(([name, value]) => this.tools.make("tr", {}, this.tools.make("th", { scope: "row", textContent: name }), this.tools.make("td", { textContent: value }))));
    this.of("origin").textContent = "";
    gallery.rememberCell(this.row);
    this.tellLabel();
    this.channels();
    if (this.of("mask").checked) this.outline();
  }

  tellLabel() {
    if (this.dialog.open) this.labels?.tellOne(this.row);
  }

  look(channel) {
    if (!this.looks.has(channel.name)) this.looks.set(channel.name, { low: channel.low, high: channel.high, colour: channel.colour, on: true });
    return this.looks.get(channel.name);
  }

  channels() {
    const { about, tools } = this;
    const several = about.channels.length > 1;
    this.canvases = about.channels.map((channel) => this.canvas(channel.name));
    this.together = several ? this.canvas("Composite of the ticked channels") : null;
    const figures = about.channels.map((channel, n) => tools.make("figure", {}, this.canvases[n], tools.make("figcaption", {}, ...this.controls(channel, n, several))));
    if (several) figures.unshift(tools.make("figure", {}, this.together, tools.make("figcaption", {}, tools.make("b", { textContent: "Composite" }))));
    this.of("channels").replaceChildren(...figures);
    this.draw();
  }

  canvas(label) {
    this.zoom = Math.max(1, Math.round(SIDE / this.about.frame));
    const side = this.about.frame * this.zoom;
    const canvas = this.tools.make("canvas", { width: side, height: side });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return canvas;
  }

  controls(channel, n, several) {
    const { make } = this.tools;
    const look = this.look(channel);
    const [least, most] = this.planes[n].reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [channel.low, channel.high]);
    const slider = (title, key) => {
      const input = make("input", { type: "range", min: least, max: most, step: "any", value: look[key] });
      input.setAttribute("aria-label", `${title} of ${channel.name}`);
      input.addEventListener("input", () => this.change(look, { [key]: Number(input.value) }));
      return make("label", {}, make("span", { textContent: title }), input);
    };
    const name = make("b", { textContent: channel.name });
    if (!several) return [name, slider("Black", "low"), slider("White", "high")];
    const on = make("input", { type: "checkbox", checked: look.on });
    on.setAttribute("aria-label", `${channel.name} in the composite`);
    on.addEventListener("change", () => this.change(look, { on: on.checked }));
    const colour = make("input", { type: "color", value: look.colour });
    colour.setAttribute("aria-label", `Colour of ${channel.name} in the composite`);
    colour.addEventListener("input", () => this.change(look, { colour: colour.value }));
    return [make("span", { className: "c-name" }, on, name, colour), slider("Black", "low"), slider("White", "high")];
  }

  change(look, values) {
    Object.assign(look, values);
    this.draw();
  }

  // --- drawing ---

  draw() {
    const { about, planes } = this;
    const sum = new Float32Array(3 * about.frame ** 2);
    about.channels.forEach((channel, n) => {
      const look = this.look(channel);
      const shades = shadesOf(planes[n], look);
      if (look.on) addTo(sum, shades, rgb(look.colour));
      this.paint(this.canvases[n], (pixel) => [shades[pixel], shades[pixel], shades[pixel]], [n]);
    });
    if (this.together) this.paint(this.together, (pixel) => sum.subarray(3 * pixel, 3 * pixel + 3), this.origin?.masks.map((_, n) => n) ?? []);
  }

  paint(canvas, colourOf, masks) {
    const { frame } = this.about;
    const image = new ImageData(frame, frame);
    for (let pixel = 0; pixel < frame * frame; pixel++) {
      const [red, green, blue] = colourOf(pixel);
      image.data.set([red, green, blue, 255], 4 * pixel);
    }
    const small = new OffscreenCanvas(frame, frame);
    small.getContext("2d").putImageData(image, 0, 0);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    if (!this.of("mask").checked || !this.origin) return;
    if (masks.length) edges(pen, this.origin.masks[masks[0]], frame, this.zoom);
    if (this.origin.pixel) bar(pen, this.origin.pixel, this.zoom);
  }

  async outline() {
    if (this.of("mask").checked && !this.origin && !this.about.missing) {
      const row = this.row;
      this.of("origin").textContent = "Reading the image file …";
      try {
        const origin = await this.json(`${row}/origin.json`);
        if (row !== this.row) return;
        this.origin = origin;
        const scale = origin.pixel ? `${origin.pixel} µm per pixel` : "the size of a pixel is not known";
        this.of("origin").textContent = `${origin.masks.length ? "" : "The image file has no masks; "}${scale}.`;
      } catch (error) {
        this.of("origin").textContent = error.message;
      }
    }
    if (this.planes) this.draw();
  }

  // --- what one presses ---

  click(event) {
    const what = event.target.closest("[data-do]")?.dataset.do;
    if (event.target === this.dialog || what === "close") this.close();
    if (what === "next" || what === "previous") this.step(what === "next" ? 1 : -1);
    if (what === "reset") {
      this.looks.clear();
      this.channels();
    }
    if (what === "similar") {
      const row = this.row;
      this.close(() => {
        this.gallery.show({ similar: row, selection: "", marked: "" });
        this.gallery.root.scrollIntoView({ block: "nearest" });
      });
    }
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.target.matches("input[type=range], input[type=text], select") || event.altKey) return;
    event.preventDefault();
    this.step(step);
  }

  step(by) {
    const rows = this.gallery.rows;
    if (!rows.includes(this.row)) return;
    const next = rows[rows.indexOf(this.row) + by];
    if (next !== undefined) return this.open(next);
    const button = this.gallery.place.querySelector(`[data-do=${by > 0 ? "after" : "before"}]:not(:disabled)`);
    if (!button) return void (this.of("caption").textContent = by > 0 ? "This is the last cell." : "This is the first cell.");
    this.pending = by > 0 ? "first" : "last";
    button.click();
  }

  // The next page of cells is there
  swapped() {
    const rows = this.gallery.rows;
    if (this.pending && rows.length && this.dialog.open) this.open(this.pending === "first" ? rows[0] : rows[rows.length - 1]);
    this.pending = "";
  }

  close(after = null) {
    this.after = after;
    this.dialog.close();
  }

  closed() {
    this.asked += 1;
    const ofMap = this.before?.closest("canvas"); // from where the cell was opened
    const button = ofMap || this.gallery.place.querySelector(`[data-row="${this.row}"] .c-open`) || this.before;
    if (button?.isConnected) button.focus();
    if (this.ended) return;
    this.leaving = history.state?.enlarged !== undefined;
    if (this.leaving) history.back();
    else this.left();
  }

  // The address is that of the gallery again
  left() {
    this.gallery.rememberCell(null);
    const { after } = this;
    this.after = null;
    after?.();
  }

  travelled(state) {
    if (this.leaving) {
      this.leaving = false;
      this.left();
      if (!this.dialog.open) return;
      history.pushState({ enlarged: this.row }, ""); // another cell was opened meanwhile
      this.gallery.rememberCell(this.row);
    } else if (state?.enlarged !== undefined) this.open(state.enlarged, false);
    else if (this.dialog.open) this.close();
  }
}

// Draws the border between pixels in a mask and outside it
function edges(pen, mask, frame, zoom) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < frame && y < frame && mask[y * frame + x] === "1";
  pen.fillStyle = "#ffd400";
  for (let y = 0; y < frame; y++) {
    for (let x = 0; x < frame; x++) {
      if (!inside(x, y)) continue;
      if (!inside(x - 1, y)) pen.fillRect(x * zoom, y * zoom, 1, zoom);
      if (!inside(x + 1, y)) pen.fillRect((x + 1) * zoom - 1, y * zoom, 1, zoom);
      if (!inside(x, y - 1)) pen.fillRect(x * zoom, y * zoom, zoom, 1);
      if (!inside(x, y + 1)) pen.fillRect(x * zoom, (y + 1) * zoom - 1, zoom, 1);
    }
  }
}

function bar(pen, pixel, zoom) {
  const { width, height } = pen.canvas;
  const length = BARS.filter((each) => (each / pixel) * zoom <= width / 3).pop();
  if (!length) return;
  const long = (length / pixel) * zoom;
  pen.fillStyle = "#000";
  pen.fillRect(width - long - 12, height - 30, long + 8, 26);
  pen.fillStyle = "#fff";
  pen.fillRect(width - long - 8, height - 10, long, 3);
  pen.font = "12px sans-serif";
  pen.textAlign = "center";
  pen.fillText(`${length} µm`, width - long / 2 - 8, height - 15);
}

// Mouse, touch and keyboard on the map: move, turn, zoom, lasso, click, and a look at a cell.
import { nearest, within } from "./camera.js";
import { cellPicture, make, mapJson, root } from "./page.js";

const NEAR = 10; // pixels around the pointer in which a cell is looked for
const STEP = 60; // pixels of an arrow key
const TURN = 0.008; // radians a pixel

export class Pointer {
  constructor(plot) {
    const { canvas, explorer, stage } = plot;
    Object.assign(this, { plot, explorer, canvas, outline: [], pressed: null, shown: -1, stepping: false, timer: 0, rows: new Map() });
    this.over = stage.querySelector("[data-of=over]");
    this.hover = stage.querySelector("[data-of=hover]");
    const listen = (name, act, more) => canvas.addEventListener(name, act.bind(this), more);
    listen("pointerdown", this.press);
    listen("pointermove", this.drag);
    listen("pointerup", this.release);
    listen("pointercancel", this.release);
    listen("pointerleave", () => this.show(-1));
    listen("wheel", this.wheel, { passive: false });
    listen("keydown", this.key);
  }

  get tool() {
    return root.querySelector("[name=tool]:checked").value;
  }

  // --- pointer ---

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pressed = { at: this.place(event), from: this.place(event), moved: false, drawn: event.button === 0 && this.tool !== "move" };
    this.outline = [this.pressed.at];
    this.show(-1);
  }

  drag(event) {
    const at = this.place(event);
    this.stepping = false;
    if (!this.pressed) return this.look(at);
    const [dx, dy] = [at[0] - this.pressed.at[0], at[1] - this.pressed.at[1]];
    this.pressed.at = at;
    this.pressed.moved ||= Math.hypot(at[0] - this.pressed.from[0], at[1] - this.pressed.from[1]) > 4;
    if (!this.pressed.moved) return undefined;
    if (this.pressed.drawn) return this.draw(at);
    const { camera, dims, size } = this.plot;
    if (dims === 3 && !event.shiftKey && event.buttons !== 4) camera.turn(dx * TURN, dy * TURN);
    else camera.move(dx, dy, ...size);
    return this.plot.look();
  }

  release(event) {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed) return;
    const how = event.shiftKey ? "add" : event.altKey ? "remove" : "";
    if (event.type === "pointerup" && pressed.moved && pressed.drawn) this.enclose(how);
    if (event.type === "pointerup" && !pressed.moved) this.click(pressed.at, how);
    this.clear();
  }

  wheel(event) {
    event.preventDefault();
    const [width, height] = this.plot.size;
    this.plot.camera.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...this.place(event), width, height);
    this.plot.look();
  }

  // Enlarges a cell, or adds it to the selection or takes it out
  click([x, y], how) {
    this.touch(this.near(x, y), how);
  }

  touch(cell, how) {
    if (cell < 0) return;
    if (how) this.explorer.selection.choose((take) => take(cell), how);
    else this.explorer.gallery.open(cell);
  }

  near(x, y) {
    return nearest(this.plot.points, this.plot.matrix, ...this.plot.size, x, y, NEAR);
  }

  // --- lasso and box ---

  draw(at) {
    const { from } = this.pressed;
    if (this.tool === "box") this.outline = [from, [at[0], from[1]], at, [from[0], at[1]]];
    else this.outline.push(at);
    const pen = this.pen();
    this.trace(pen);
    const style = getComputedStyle(document.documentElement);
    Object.assign(pen, { strokeStyle: style.getPropertyValue("--accent"), fillStyle: style.getPropertyValue("--accent"), lineWidth: 2 });
    pen.globalAlpha = 0.15;
    pen.fill();
    pen.globalAlpha = 1;
    pen.stroke();
  }

  pen() {
    const [width, height] = this.plot.size;
    Object.assign(this.over, { width, height });
    return this.over.getContext("2d", { willReadFrequently: true });
  }

  trace(pen) {
    pen.beginPath();
    this.outline.forEach((at) => pen.lineTo(...at));
    pen.closePath();
  }

  enclose(how) {
    const [width, height] = this.plot.size;
    const pen = this.pen();
    this.trace(pen);
    pen.fillStyle = "#000";
    pen.fill("evenodd");
    this.take(pen.getImageData(0, 0, width, height).data, how);
    this.plot.whenDrawn(this.tool, this.outline);
  }

  // What lies on a mask, or anywhere in view
  take(mask, how) {
    const { explorer, plot } = this;
    explorer.selection.choose((take) => within(plot.points, plot.matrix, mask, ...plot.size, take), how);
  }

  clear() {
    this.outline = [];
    this.pen();
  }

  // --- a look at a cell ---

  look(at) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(this.near(...at), at), 30);
  }

  show(cell, at) {
    if (cell < 0) clearTimeout(this.timer);
    if (cell === this.shown) return;
    this.shown = cell;
    this.hover.hidden = cell < 0;
    if (cell < 0) return;
    const [width, height] = this.plot.size;
    this.hover.classList.toggle("is-left", at[0] > width / 2);
    this.hover.classList.toggle("is-above", at[1] > height / 2);
    this.hover.style.setProperty("left", `${at[0]}px`); // set by script, which the policy allows
    this.hover.style.setProperty("top", `${at[1]}px`);
    this.describe(cell);
  }

  async describe(cell) {
    const { pictures } = this.explorer;
    const picture = this.hover.querySelector("img");
    picture.hidden = !pictures || Boolean(pictures.missing);
    if (!picture.hidden) picture.src = cellPicture(cell, this.explorer.gallery.channel, pictures.stamp);
    const caption = this.hover.querySelector("figcaption");
    if (!pictures) return caption.replaceChildren("Loading the pictures …");
    const row = await this.row(cell).catch((error) => ({ source: error.message, object: "" }));
    if (cell !== this.shown) return undefined;
    const { source, object } = row;
    const names = [...this.explorer.about.columns.map((each) => each.name), "confidence"];
    const facts = names.filter((name) => row[name]).map((name) => [name, row[name]]);
    const line = (text, className = "") => make("span", { textContent: text, className });
    return caption.replaceChildren(line(source, "r-file"), line(`object ${object}`), ...facts.map(([name, value]) => line(`${name}: ${value}`)));
  }

  async row(cell) {
    if (!this.rows.has(cell)) {
      if (this.rows.size > 2000) this.rows.clear();
      this.rows.set(cell, await mapJson(`/cell/${cell}.json`));
    }
    return this.rows.get(cell);
  }

  // --- keyboard ---

  key(event) {
    if (event.ctrlKey || event.metaKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const act = { "+": () => this.plot.zoom(1.5), "=": () => this.plot.zoom(1.5), "-": () => this.plot.zoom(1 / 1.5), 0: () => this.plot.fit() }[event.key];
    if (!way && !act && !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === "Enter") return this.enter(event);
    if (event.key === "Escape") return this.escape();
    if (act) return act();
    return this.stepping ? this.step(...way) : this.shift(event, ...way);
  }

  shift(event, right, up) {
    const { camera, dims, size } = this.plot;
    if (dims === 3 && !event.shiftKey) camera.turn(right * STEP * TURN, -up * STEP * TURN);
    else camera.move(-right * STEP, up * STEP, ...size);
    this.plot.look();
  }

  // The first press shows the cell in the middle; the next ones do what a click on it does
  enter(event) {
    const [width, height] = this.plot.size;
    if (this.stepping && this.shown >= 0) {
      const how = event.shiftKey ? "add" : event.altKey ? "remove" : "";
      return this.touch(this.shown, how);
    }
    this.stepping = true;
    return this.showNearest(width / 2, height / 2, () => true);
  }

  escape() {
    if (!this.stepping) return this.explorer.act("none");
    this.stepping = false;
    return this.show(-1);
  }

  // To the nearest cell in the direction of an arrow key
  step(right, up) {
    const { shown } = this;
    if (shown < 0) return;
    const ahead = (x, y, cell) => cell !== shown && (x * right > Math.abs(y) || y * up > Math.abs(x));
    this.showNearest(...this.plot.at(shown), ahead);
  }

  showNearest(x, y, allowed) {
    const { plot } = this;
    const cell = nearest(plot.points, plot.matrix, ...plot.size, x, y, Infinity, allowed);
    if (cell >= 0) this.show(cell, plot.at(cell));
  }
}

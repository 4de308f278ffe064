// Mouse, touch and keyboard on the map: move, turn, enlarge, lasso, click, and a look at a cell.
import { make } from "./explore_side.js";
import { nearest, within } from "./explore_view.js";

const NEAR = 10; // pixels within which a cell is found
const STEP = 60; // pixels of an arrow key
const TURN = 0.008; // radians a pixel

export class Hand {
  constructor(explorer, stage, canvas, over) {
    Object.assign(this, { explorer, stage, canvas, over, line: [], held: null, pictures: null, at: -1, timer: 0 });
    this.hover = stage.querySelector("[data-of=hover]");
    const listen = (name, act, more) => canvas.addEventListener(name, act.bind(this), more);
    listen("pointerdown", this.press);
    listen("pointermove", this.drag);
    listen("pointerup", this.release);
    listen("pointercancel", this.release);
    listen("pointerleave", () => this.show(-1));
    listen("wheel", this.wheel, { passive: false });
    listen("keydown", this.key);
    const root = stage.closest(".x");
    root.addEventListener("click", (event) => this.act(event.target.closest("[data-do]")?.dataset.do));
    if (explorer.dims === 3) {
      root.querySelector("[data-of=move]").textContent = "Turn";
      root.querySelector("[data-of=turn]").textContent = "; in space, these turn the map, and with Shift they move it";
    }
    this.root = root;
  }

  get lasso() {
    return this.root.querySelector("[name=tool]:checked").value === "lasso";
  }

  act(what) {
    const { explorer } = this;
    const [width, height] = explorer.size;
    if (what === "in") explorer.view.enlarge(1.5, width / 2, height / 2, width, height);
    if (what === "out") explorer.view.enlarge(1 / 1.5, width / 2, height / 2, width, height);
    if (what === "fit") explorer.view.fit();
    if (["in", "out", "fit"].includes(what)) explorer.look();
    if (what === "view") this.take(null, "");
    if (what === "none") explorer.choose(() => {}, "");
    if (what === "invert") explorer.invert();
  }

  // --- pointer ---

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { at: this.place(event), from: this.place(event), moved: false, lasso: this.lasso && event.button === 0 };
    this.line = [this.held.at];
    this.show(-1);
  }

  drag(event) {
    const at = this.place(event);
    if (!this.held) return this.look(at);
    const [dx, dy] = [at[0] - this.held.at[0], at[1] - this.held.at[1]];
    this.held.at = at;
    this.held.moved ||= Math.hypot(at[0] - this.held.from[0], at[1] - this.held.from[1]) > 4;
    if (!this.held.moved) return undefined;
    if (this.held.lasso) return this.draw(at);
    const { view, dims, size } = this.explorer;
    if (dims === 3 && !event.shiftKey && event.buttons !== 4) view.turn(dx * TURN, dy * TURN);
    else view.move(dx, dy, ...size);
    return this.explorer.look();
  }

  release(event) {
    const { held } = this;
    this.held = null;
    if (!held) return;
    const how = event.shiftKey ? "add" : event.altKey ? "take away" : "";
    if (event.type === "pointerup" && held.moved && held.lasso) this.enclose(how);
    if (event.type === "pointerup" && !held.moved) this.click(held.at, how);
    this.clear();
  }

  wheel(event) {
    event.preventDefault();
    const [width, height] = this.explorer.size;
    this.explorer.view.enlarge(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...this.place(event), width, height);
    this.explorer.look();
  }

  click([x, y], how) {
    const found = this.near(x, y);
    if (found >= 0 || !how) this.explorer.choose((take) => found >= 0 && take(found), how);
  }

  near(x, y) {
    return nearest(this.explorer.points, this.explorer.matrix, ...this.explorer.size, x, y, NEAR);
  }

  // --- lasso ---

  draw(at) {
    this.line.push(at);
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
    const [width, height] = this.explorer.size;
    Object.assign(this.over, { width, height });
    return this.over.getContext("2d", { willReadFrequently: true });
  }

  trace(pen) {
    pen.beginPath();
    this.line.forEach((at) => pen.lineTo(...at));
    pen.closePath();
  }

  enclose(how) {
    const [width, height] = this.explorer.size;
    const pen = this.pen();
    this.trace(pen);
    pen.fillStyle = "#000";
    pen.fill("evenodd");
    this.take(pen.getImageData(0, 0, width, height).data, how);
  }

  // What lies on a mask, or anywhere in view
  take(mask, how) {
    const { explorer } = this;
    explorer.choose((take) => within(explorer.points, explorer.matrix, mask, ...explorer.size, take), how);
  }

  clear() {
    this.line = [];
    this.pen();
  }

  // --- a look at a cell ---

  look(at) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(this.near(...at), at), 30);
  }

  show(found, at) {
    if (found < 0) clearTimeout(this.timer);
    if (found === this.at) return;
    this.at = found;
    this.hover.hidden = found < 0;
    if (found < 0) return;
    const [width, height] = this.explorer.size;
    this.hover.classList.toggle("is-left", at[0] > width / 2);
    this.hover.classList.toggle("is-above", at[1] > height / 2);
    this.hover.style.setProperty("left", `${at[0]}px`); // set by script, which the policy allows
    this.hover.style.setProperty("top", `${at[1]}px`);
    this.tell(found);
  }

  async tell(found) {
    const picture = this.hover.querySelector("img");
    picture.hidden = !this.pictures || Boolean(this.pictures.missing);
    if (!picture.hidden) picture.src = this.explorer.side.picture(found);
    const told = this.hover.querySelector("figcaption");
    if (!this.pictures) return told.replaceChildren("Looking for the pictures …");
    const { source, object, ...more } = await this.explorer.side.row(found).catch((error) => ({ source: error.message, object: "" }));
    if (found !== this.at) return undefined;
    const facts = Object.entries(more).filter(([name]) => !this.explorer.about.axes.includes(name));
    const line = (text, className = "") => make("span", { textContent: text, className });
    return told.replaceChildren(line(source, "r-file"), line(`object ${object}`), ...facts.map(([name, value]) => line(`${name}: ${value || "–"}`)));
  }

  // --- keyboard ---

  key(event) {
    if (event.ctrlKey || event.metaKey) return;
    const { view, dims, size } = this.explorer;
    const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const act = { "+": "in", "=": "in", "-": "out", 0: "fit", Escape: "none" }[event.key];
    if (!way && !act) return;
    event.preventDefault();
    if (act) return this.act(act);
    if (dims === 3 && !event.shiftKey) view.turn(-way[0] * STEP * TURN, -way[1] * STEP * TURN);
    else view.move(way[0] * STEP, way[1] * STEP, ...size);
    this.explorer.look();
  }
}

// A second plot beside the map, of any two numbers of the cells. What is selected in one is selected
// in both: they draw the same bytes.
import { BoxGate } from "./box_gate.js";
import { GATES, optionsOf } from "./numbers.js";
import { number, of, root } from "./page.js";
import { Plot } from "./plot.js";

const NOWHERE = 1e6; // of cells without a value, far outside of the plot, which goes from 0 to 1
const LIMITS = { low: [0, 0], high: [1, 1] };

export class SecondPlot {
  constructor(explorer) {
    Object.assign(this, { explorer, plot: null, turn: 0, wanted: {} });
    this.button = root.querySelector("[data-do=second]");
    this.button.addEventListener("click", () => (this.plot ? this.close() : this.open()));
  }

  get opened() {
    return of("second");
  }

  get state() {
    if (!this.plot) return {};
    return { x: this.x.value, y: this.y.value, camera2: this.plot.camera.state };
  }

  // As the address says
  async restore(asked) {
    const [x, y] = [asked.get("x"), asked.get("y")];
    if (this.explorer.numbers.nameOf(x) && this.explorer.numbers.nameOf(y)) await this.open(x, y, asked.get("camera2") ?? "");
  }

  async open(x = "", y = "", camera = "") {
    root.querySelector(".x-plots").append(root.querySelector("#x-second").content.cloneNode(true));
    [this.x, this.y] = ["x", "y"].map((name) => this.opened.querySelector(`[name=${name}]`));
    const columns = this.explorer.numbers.all.filter((group) => !group.columns[0]?.key.startsWith(GATES));
    for (const choice of [this.x, this.y]) choice.append(...optionsOf(columns));
    const pair = columns.filter((group) => group.columns.length > 1).map((group) => group.columns.slice(0, 2));
    const first = pair[1] ?? pair[0]; // after the coordinates, which the map shows
    [this.x.value, this.y.value] = [x || first[0].key, y || first[1].key];
    this.opened.addEventListener("change", () => this.draw());
    this.opened.addEventListener("click", (event) => this.act(event.target.closest("[data-second]")?.dataset.second));
    this.begin();
    this.button.setAttribute("aria-expanded", "true");
    await this.draw();
    this.plot.camera.state = camera;
    this.plot.look();
  }

  begin() {
    const { explorer } = this;
    this.plot = new Plot(explorer, this.opened.querySelector(".x-stage"), new Float32Array(2 * explorer.cells).fill(NOWHERE), 2, LIMITS);
    this.plot.whenSeen = () => this.nameAxes();
    this.gate = new BoxGate(this);
    explorer.plots.push(this.plot);
    explorer.colours.dress(this.plot);
  }

  close() {
    this.turn += 1;
    this.plot.end();
    this.explorer.plots = this.explorer.plots.filter((plot) => plot !== this.plot);
    this.plot = this.ranges = null;
    this.opened.remove();
    this.button.setAttribute("aria-expanded", "false");
    this.button.focus();
    this.explorer.view.changed();
  }

  act(what) {
    const acts = {
      in: () => this.plot.zoom(1.5),
      out: () => this.plot.zoom(1 / 1.5),
      fit: () => this.plot.fit(),
      view: () => this.plot.pointer.take(null, ""),
      close: () => this.close(),
    };
    acts[what]?.();
  }

  async draw() {
    const turn = (this.turn += 1);
    this.say("Reading the values of all cells …");
    try {
      const columns = await Promise.all([this.x, this.y].map((choice) => this.explorer.numbers.of(choice.value)));
      if (turn !== this.turn) return;
      this.ranges = columns.map(rangeOf);
      const { places, missing } = placesOf(columns, this.ranges);
      this.plot.setPlaces(places);
      this.gate.begin(columns);
      this.say(missing ? `${number(missing)} cells have no value and are not shown.` : "");
    } catch (error) {
      if (turn === this.turn) this.say(error.message);
    }
  }

  say(text) {
    this.opened.querySelector("[data-of=second-status]").textContent = text;
  }

  // From where to where the plot shows an axis
  span(axis) {
    const { low, high } = this.ranges[axis];
    return this.plot.camera.span(axis, ...this.plot.size).map((share) => low + share * (high - low));
  }

  nameAxes() {
    if (!this.ranges) return;
    const texts = [this.x, this.y].map((choice, axis) => {
      const [from, to] = this.span(axis);
      return `${"→↑"[axis]} ${this.explorer.numbers.nameOf(choice.value)}: ${short(from)} to ${short(to)}`;
    });
    this.opened.querySelector("[data-of=second-axes]").textContent = `${texts.join(" · ")}.`;
  }
}

const short = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

function rangeOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low && value !== -Infinity) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  if (low > high) return { low: 0, high: 1 }; // there is no value at all
  return low < high ? { low, high } : { low: low - 0.5, high: low + 0.5 };
}

function placesOf([across, along], [x, y]) {
  const places = new Float32Array(2 * across.length);
  let missing = 0;
  for (let n = 0; n < across.length; n++) {
    const there = Number.isFinite(across[n]) && Number.isFinite(along[n]);
    places[2 * n] = there ? (across[n] - x.low) / (x.high - x.low) : NOWHERE;
    places[2 * n + 1] = there ? (along[n] - y.low) / (y.high - y.low) : NOWHERE;
    if (!there) missing += 1;
  }
  return { places, missing };
}
